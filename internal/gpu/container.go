package gpu

import (
	"regexp"
	"strings"
)

// element is a path element of a control group that stands for a container: the id alone (cgroupfs), or as a unit of
// systemd's with the runtime's name, or as containerd writes it behind colons.
var element = regexp.MustCompile(`^(?:(docker|cri-containerd|containerd|nerdctl|crio|libpod|podman)-|[^/]*:(?:cri-containerd|containerd|docker|moby|nerdctl|crio):)?([0-9a-f]{64})(?:\.scope)?$`)

// ContainerID is the container that a process is in, from its /proc/PID/cgroup; empty outside of one. Of containers in
// containers it is the outermost, which is the one that this machine's engine knows.
func ContainerID(cgroup []byte) string {
	for line := range strings.Lines(string(cgroup)) {
		// A line is "4:memory:/path", and "0::/path" with the unified hierarchy.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for part := range strings.SplitSeq(fields[2], "/") {
			if m := element.FindStringSubmatch(part); m != nil {
				return m[2]
			}
		}
	}
	return ""
}
