package security

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var privileges = []row{
	on("services.*.privileged", privileged),
	on("services.*.cap_add.*", capability),
	allow("services.*.cap_drop.*"),
	on("services.*.security_opt.*", securityOpt),
	on("services.*.user", user),
	on("services.*.sysctls.*", sysctl),
	on("services.*", hardened),
	refuse("services.*.use_api_socket", "docker-socket", "use_api_socket is a Docker socket mount: the container would own the host"),
	refuse("services.*.runtime", "runtime", "runtime chooses another container runtime"),
	refuse("services.*.credential_spec", "credential-spec", "credential_spec reads host credentials"),
	refuse("services.*.annotations", "annotations", "annotations configure the container runtime"),
	refuse("services.*.isolation", "isolation", "isolation chooses how the container is kept apart"),
}

func privileged(c *scan, at path, v any) {
	if v == true {
		c.find("privileged", at, "privileged gives the container the whole host", "remove privileged; name the few capabilities in cap_add")
	}
}

// safeCapabilities are what Docker gives every container by default, but for NET_RAW and MKNOD, which package compose takes
// from every extension: adding them back after cap_drop: ALL gives nothing that an ordinary container lacks.
var safeCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

func capability(c *scan, at path, v any) {
	name := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(str(v))), "CAP_")
	if slices.Contains(safeCapabilities, name) || c.builtin() && name == "SYS_PTRACE" {
		return
	}
	c.find("capability", at, fmt.Sprintf("dangerous capability %s", name),
		"remove it; allowed are "+strings.Join(safeCapabilities, ", "))
}

// noNewPrivileges is every way to write that option.
var noNewPrivileges = []string{"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"}

func securityOpt(c *scan, at path, v any) {
	switch opt := str(v); {
	case slices.Contains(noNewPrivileges, opt):
	case c.builtin() && (opt == "seccomp:unconfined" || opt == "seccomp=unconfined"):
	default:
		c.find("security-opt", at, fmt.Sprintf("dangerous security_opt %q takes a protection away", opt),
			"remove it; allowed is no-new-privileges:true")
	}
}

var (
	// userID is a number that no reader takes for 0, with a group or without.
	userID = regexp.MustCompile(`\A[1-9][0-9]{0,9}(:[0-9]{1,10})?\z`)
	// userName is a name of the image's own list of users.
	userName = regexp.MustCompile(`\A[a-z_][a-z0-9_-]{0,31}(:[a-z0-9_-]{1,32})?\z`)
)

// user refuses an explicit root. An image whose own default is root is left to the container's limits.
func user(c *scan, at path, v any) {
	name, _, _ := strings.Cut(str(v), ":")
	uid, err := strconv.Atoi(strings.TrimSpace(name))
	switch {
	case str(v) == "" || c.builtin():
	case name == "root" || err == nil && uid == 0:
		c.find("root-user", at, fmt.Sprintf("user %q runs the service as root", str(v)), `write another uid, such as user: "1000:1000"`)
	case !userID.MatchString(str(v)) && !userName.MatchString(str(v)):
		c.find("root-user", at, fmt.Sprintf("user %q is neither a number nor a name, and may be read as root", str(v)), `write a uid, such as user: "1000:1000"`)
	}
}

// safeSysctls belong to the container's own network or IPC namespace and change nothing outside it.
var safeSysctls = []string{
	"net.core.somaxconn", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_tw_reuse",
	"net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6",
}

func sysctl(c *scan, at path, _ any) {
	if !slices.Contains(safeSysctls, at.last()) {
		c.find("sysctls", at, fmt.Sprintf("sysctl %s is not one of those that stay inside the container", at.last()),
			"remove it; allowed are "+strings.Join(safeSysctls, ", "))
	}
}

// hardened notes a service that keeps abilities which it does not say it needs.
func hardened(c *scan, at path, v any) {
	s, _ := v.(map[string]any)
	opts, _ := s["security_opt"].([]any)
	if !slices.ContainsFunc(opts, func(o any) bool { return slices.Contains(noNewPrivileges, str(o)) }) {
		c.note("new-privileges", at, "may gain privileges through set-uid programs of its image", `add security_opt: ["no-new-privileges:true"]`)
	}
}
