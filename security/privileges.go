package security

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func privileged(c *scan, at path, v any) {
	if v == true {
		c.find("privileged", at, "privileged gives the container the whole host", "remove privileged; name the few capabilities in cap_add")
	}
}

// safeCapabilities are what Docker gives every container by default: adding them back after cap_drop: ALL gives
// nothing that an ordinary container lacks.
var safeCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
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

func securityOpt(c *scan, at path, v any) {
	switch opt := str(v); {
	case opt == "no-new-privileges:true" || opt == "no-new-privileges=true" || opt == "no-new-privileges":
	case c.builtin() && (opt == "seccomp:unconfined" || opt == "seccomp=unconfined"):
	default:
		c.find("security-opt", at, fmt.Sprintf("dangerous security_opt %q takes a protection away", opt),
			"remove it; allowed is no-new-privileges:true")
	}
}

// user refuses an explicit root. An image whose own default is root is left to the container's limits.
func user(c *scan, at path, v any) {
	name, _, _ := strings.Cut(str(v), ":")
	uid, err := strconv.Atoi(name)
	if (name == "root" || err == nil && uid == 0) && !c.builtin() {
		c.find("root-user", at, fmt.Sprintf("user %q runs the service as root", str(v)), `write another uid, such as user: "1000:1000"`)
	}
}
