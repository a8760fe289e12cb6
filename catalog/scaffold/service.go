package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/manifest"
)

// service is one service on its way from the compose file to the extension.
type service struct {
	c         *converter
	old, name string
	key, in   *yaml.Node
	env       []entry
	out       map[string]*yaml.Node // by key
	published bool                  // has ports on this machine
	apart     bool                  // shares another service's network

	hostPatterns []*regexp.Regexp // see asHost
}

// path is where a key of the service stands in the compose file.
func (s *service) path(keys ...string) string {
	return strings.Join(append([]string{"services", s.old}, keys...), ".")
}

// rule is what becomes of one key of a service.
type rule func(s *service, key string, n *yaml.Node)

// rules are the keys that Compose knows. A key that is not among them is left out by name.
var rules = table()

func table() map[string]rule {
	rows := map[string]rule{
		"image": (*service).image, "build": leave("the image is published, so it is not built here"),
		"environment": (*service).environment, "env_file": skip, // read together
		"ports": (*service).ports, "volumes": (*service).volumes, "tmpfs": keep,
		"depends_on": skip, "networks": skip, "healthcheck": (*service).healthcheck, // when all services are known
		"restart": (*service).restart, "deploy": (*service).deploy, "logging": skip, "profiles": skip, "scale": skip,
		"user": (*service).user, "cap_add": (*service).capAdd, "cap_drop": skip, "security_opt": (*service).securityOpt,
		"links": (*service).links, "network_mode": (*service).networkMode, "extra_hosts": (*service).extraHosts,
		"devices": (*service).devices, "gpus": (*service).gpus, "runtime": (*service).gpus, "group_add": keep,

		"container_name": skip, "hostname": leave("its name on the network is its own"), "domainname": leave("its name on the network is its own"),
		"labels":  leave("nothing here reads labels: ports are published on this machine, and the dashboard lists them"),
		"configs": leave("mount a file beside compose.yaml, read-only, instead"), "secrets": leave("declare a variable of type secret instead"),
		"develop": leave("it is for those who change the software"), "annotations": leave("nothing here reads annotations"),

		"privileged": refuse("it would give the container the whole machine"),
		"pid":        refuse("it would show it other programs"), "ipc": refuse("it would share its memory with others"),
		"uts": refuse("it would give it the machine's name"), "userns_mode": refuse("it would make its root the machine's"),
		"cgroup": refuse("it would change the machine's bookkeeping"), "cgroup_parent": refuse("it would change the machine's bookkeeping"),
		"device_cgroup_rules": refuse("it would open the machine's devices"), "volumes_from": refuse("it would take another container's files"),
		"external_links": refuse("it would reach containers of others"), "credential_spec": refuse("it would read the machine's credentials"),
		"sysctls": refuse("it would change the kernel's settings"), "mac_address": refuse("it may be another container's"),
		"use_api_socket": refuse("whoever controls Docker owns the machine"), "oom_kill_disable": refuse("it could take all memory"),
		"oom_score_adj": refuse("it would have other programs ended first"), "storage_opt": refuse("it would change how Docker keeps it"),
		"blkio_config": refuse("it would name the machine's disks"), "cpu_rt_period": refuse("it could stop the machine"), "cpu_rt_runtime": refuse("it could stop the machine"),
	}
	for _, key := range []string{
		"command", "entrypoint", "working_dir", "init", "tty", "stdin_open", "read_only", "stop_signal", "stop_grace_period", "shm_size", "platform",
		"pull_policy", "expose", "dns", "dns_search", "dns_opt", "ulimits", "attach", "mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness",
		"cpus", "cpuset", "cpu_shares", "cpu_quota", "cpu_period", "cpu_count", "cpu_percent", "pids_limit",
	} {
		rows[key] = keep
	}
	return rows
}

func keep(s *service, key string, n *yaml.Node) { s.out[key] = n }

func skip(*service, string, *yaml.Node) {}

func leave(why string) rule {
	return func(s *service, key string, n *yaml.Node) { s.c.note(LeftOut, n, s.path(key), why, "") }
}

func refuse(why string) rule {
	return func(s *service, key string, n *yaml.Node) {
		if n.Value == "false" || n.Value == "" && len(n.Content) == 0 {
			return
		}
		s.c.note(Refused, n, s.path(key), why, "")
	}
}

// convert does what needs this service alone.
func (s *service) convert() {
	s.out = map[string]*yaml.Node{}
	for key, n := range pairs(s.in) {
		do, ok := rules[key.Value]
		switch {
		case n.ShortTag() == "!!null" || strings.HasPrefix(key.Value, "x-"):
		case !ok:
			s.c.note(LeftOut, key, s.path(key.Value), "is no key that an extension may have", "")
		default:
			do(s, key.Value, n)
		}
	}
	if get(s.in, "environment") == nil {
		s.environment("environment", mapping())
	}
	s.listen()
	s.harden()
	for _, key := range []string{"command", "entrypoint", "healthcheck"} {
		scalars(s.out[key], func(n *yaml.Node) {
			n.Value = s.c.variables.inText(s.c.hosts(s.path(key), key, n))
			s.leftover(key, n, n.Value)
		})
	}
	for key, n := range s.out {
		if !slices.Contains([]string{"command", "entrypoint", "healthcheck", "environment", "ports", "volumes", "image"}, key) {
			scalars(n, func(n *yaml.Node) { n.Value = s.c.variables.references(n.Value) })
		}
	}
	s.check()
}

// restart: what ends on its own may, everything else runs until it is stopped.
func (s *service) restart(key string, n *yaml.Node) {
	if n.Value == "no" || n.Value == "false" || strings.HasPrefix(n.Value, "on-failure") {
		s.out[key] = quoted(strings.Replace(n.Value, "false", "no", 1))
	}
}

// user is never root: nothing here runs as it by name.
func (s *service) user(key string, n *yaml.Node) {
	name, _, _ := strings.Cut(n.Value, ":")
	if name == "root" || strings.Trim(name, "0") == "" {
		s.c.note(Refused, n, s.path(key), "asks to run as root", "the image's own user runs it; write another uid, such as user: \"1000:1000\", where that does not do")
		return
	}
	s.out[key] = quoted(strings.NewReplacer("${UID}", "${UID:-1000}", "${GID}", "${GID:-1000}", "$UID", "${UID:-1000}", "$GID", "${GID:-1000}").Replace(n.Value))
}

// safeCapabilities are those that the gate lets an extension have back.
var safeCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

func (s *service) capAdd(key string, n *yaml.Node) {
	var kept []string
	for _, item := range items(n) {
		name := strings.TrimPrefix(strings.ToUpper(item.Value), "CAP_")
		if slices.Contains(safeCapabilities, name) {
			kept = append(kept, name)
			continue
		}
		s.c.note(Refused, item, s.path(key), "capability "+name+" reaches the machine", "")
	}
	if len(kept) > 0 {
		s.out[key] = list(kept...)
	}
}

func (s *service) securityOpt(key string, n *yaml.Node) {
	for _, item := range items(n) {
		if !strings.HasPrefix(item.Value, "no-new-privileges") {
			s.c.note(Refused, item, s.path(key), item.Value+" takes a protection away", "")
		}
	}
}

// extraHosts keeps the way to this machine, which needs a grant.
func (s *service) extraHosts(key string, n *yaml.Node) {
	s.out[key] = n
	gateway := strings.Contains(fmt.Sprint(values(n)), "host-gateway")
	if gateway && !slices.Contains(s.c.grants, manifest.HostGateway) {
		s.c.grants = append(s.c.grants, manifest.HostGateway)
		s.c.note(Changed, n, s.path(key), "reaches programs on this machine, so the manifest asks for the grant host-gateway", "")
	}
}

// values are the scalars of a list or mapping.
func values(n *yaml.Node) []string {
	var all []string
	for _, item := range items(n) {
		all = append(all, item.Value)
		for _, v := range pairs(item) {
			all = append(all, v.Value)
		}
	}
	return all
}

// order is how a service's keys are written. Others follow.
var order = []string{
	"image", "platform", "pull_policy", "container_name", "restart", "init", "user", "read_only", "cap_drop", "cap_add", "security_opt",
	"entrypoint", "command", "working_dir", "environment", "ports", "expose", "volumes", "tmpfs", "depends_on", "healthcheck", "network_mode", "networks", "links", "logging", "deploy",
}

// ordered is the service as it is written.
func (s *service) ordered() *yaml.Node {
	n := mapping()
	for _, key := range order {
		if value := s.out[key]; value != nil {
			set(n, s.commentOf(key), key, value)
		}
	}
	for key := range pairs(s.in) {
		if value := s.out[key.Value]; value != nil && get(n, key.Value) == nil {
			set(n, key, key.Value, value)
		}
	}
	return n
}

// commentOf is the key in the compose file, whose comments stay.
func (s *service) commentOf(key string) *yaml.Node {
	for k := range pairs(s.in) {
		if k.Value == key {
			return k
		}
	}
	return nil
}
