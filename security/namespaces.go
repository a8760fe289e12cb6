package security

import (
	"fmt"
	"strings"
)

var namespaces = []row{
	on("services.*.pid", namespace("host PID", "pid")),
	on("services.*.ipc", namespace("host IPC", "ipc")),
	on("services.*.userns_mode", namespace("host user namespace", "userns_mode")),
	on("services.*.uts", namespace("host UTS", "uts")),
	on("services.*.cgroup", namespace("host cgroup", "cgroup")),
	on("services.*.network_mode", networkMode),
	refuse("services.*.cgroup_parent", "cgroup-parent", "cgroup_parent leaves Docker's limits"),
}

// namespace refuses to share a namespace with the host or with a container of somebody else.
func namespace(phrase, key string) func(*scan, path, any) {
	return func(c *scan, at path, v any) {
		mode := str(v)
		service, isService := strings.CutPrefix(mode, "service:")
		switch {
		case mode == "" || mode == "private" || mode == "none" || mode == "shareable":
		case isService && c.own(service):
		case mode == "host":
			c.find("namespace", at, phrase+" is shared: the container sees the whole machine", "remove "+key)
		default:
			c.find("namespace", at, fmt.Sprintf("%s %q shares a namespace with another container", key, mode), "remove "+key)
		}
	}
}

func networkMode(c *scan, at path, v any) {
	mode := str(v)
	service, isService := strings.CutPrefix(mode, "service:")
	switch {
	case mode == "" || mode == "none":
	case isService && c.own(service):
	case mode == "host":
		c.find("network-mode", at, "host network: the service reaches everything that listens on this machine",
			"remove network_mode and publish a port on 127.0.0.1")
	default:
		c.find("network-mode", at, fmt.Sprintf("network_mode %q joins a network of others", mode),
			"remove network_mode; services join dream-network by themselves")
	}
}
