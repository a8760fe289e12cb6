package security

import "strings"

// rule says what to do at the places that a pattern names. * stands for any one element.
type rule struct {
	pattern []string
	check   func(c *scan, at path, v any)
}

func on(pattern string, check func(c *scan, at path, v any)) rule {
	return rule{pattern: strings.Split(pattern, "."), check: check}
}

func (r rule) matches(at path) bool {
	if len(at) != len(r.pattern) {
		return false
	}
	for i, want := range r.pattern {
		if want != "*" && want != at[i] {
			return false
		}
	}
	return true
}

// table is every rule. A new rule is a line here, a function in its family's file and a case in testdata.
var table = []rule{
	// privileges.go
	on("services.*.privileged", privileged),
	on("services.*.cap_add.*", capability),
	on("services.*.security_opt.*", securityOpt),
	on("services.*.user", user),
	on("services.*.use_api_socket", refused("docker-socket", "use_api_socket is a Docker socket mount: the container would own the host")),
	on("services.*.sysctls", refused("sysctls", "sysctls change the kernel's settings")),
	on("services.*.runtime", refused("runtime", "runtime chooses another container runtime")),
	on("services.*.credential_spec", refused("credential-spec", "credential_spec reads host credentials")),
	on("services.*.oom_kill_disable", refused("oom", "oom_kill_disable lets the container exhaust the host's memory")),

	// namespaces.go
	on("services.*.pid", namespace("host PID", "pid")),
	on("services.*.ipc", namespace("host IPC", "ipc")),
	on("services.*.userns_mode", namespace("host user namespace", "userns_mode")),
	on("services.*.uts", namespace("host UTS", "uts")),
	on("services.*.cgroup", namespace("host cgroup", "cgroup")),
	on("services.*.network_mode", networkMode),
	on("services.*.cgroup_parent", refused("cgroup-parent", "cgroup_parent leaves Docker's limits")),

	// mounts.go
	on("services.*.volumes.*", mount),
	on("services.*.volumes_from", refused("volumes-from", "volumes_from takes another container's mounts")),
	on("services.*.tmpfs.*", tmpfs),
	on("volumes.*", volume),
	on("configs.*", hostFile),
	on("secrets.*", hostFile),

	// ports.go
	on("services.*.ports.*", port),

	// identity.go
	on("services.*", serviceName),
	on("services.*.container_name", containerName),
	on("services.*.hostname", alias),
	on("services.*.networks.*.aliases.*", alias),
	on("services.*.networks.*.driver_opts", refused("network", "driver_opts change the network interface")),
	on("services.*.labels", labels),
	on("services.*.build.labels", labels),
	on("networks.*.labels", labels),
	on("volumes.*.labels", labels),
	on("services.*.external_links", refused("external-links", "external_links reach containers of others")),
	on("services.*.links", refused("links", "links rename other services: use their names on the network")),
	on("services.*.extra_hosts.*", extraHost),
	on("networks.*", network),

	// resources.go
	on("services.*.scale", replicas),
	on("services.*.deploy.replicas", replicas),

	// execution.go
	on("services.*.build", build),
	on("services.*.devices.*", device),
	on("services.*.gpus.*", gpuRequest),
	on("services.*.deploy.resources.reservations.devices.*", gpuRequest),
	on("services.*.device_cgroup_rules", refused("device-rules", "device_cgroup_rules open host devices")),
	on("services.*.provider", refused("provider", "provider runs a program on the host")),
	on("services.*.develop", refused("develop", "develop watches and copies host files")),
	on("services.*.extends", refused("extends", "extends reads another file")),
	on("services.*.label_file", refused("label-file", "label_file reads another file")),
	on("services.*.models", refused("models", "models run outside the container")),
	on("services.*.pre_start", refused("hooks", "hooks run commands beside the service")),
	on("services.*.post_start", refused("hooks", "hooks run commands beside the service")),
	on("services.*.pre_stop", refused("hooks", "hooks run commands beside the service")),
	on("models", refused("models", "models run outside the containers")),
}

// refused is the rule for a key that no extension has a use for.
func refused(name, why string) func(*scan, path, any) {
	return func(c *scan, at path, v any) {
		if v == nil || v == false {
			return
		}
		c.find(name, at, why, "remove "+at[len(at)-1])
	}
}
