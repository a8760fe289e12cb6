package gpu_test

import (
	"strings"
	"testing"

	"dreamserver/internal/gpu"
)

func TestContainerID_ReadsTheFormsOfEveryRuntime(t *testing.T) {
	a, b := strings.Repeat("a1b2", 16), strings.Repeat("c3d4", 16)
	for _, test := range []struct{ name, cgroup, want string }{
		{"docker, unified, systemd", "0::/system.slice/docker-" + a + ".scope\n", a},
		{"docker, unified, cgroupfs", "0::/docker/" + a + "\n", a},
		{"docker, v1", "12:pids:/docker/" + a + "\n11:memory:/docker/" + a + "\n1:name=systemd:/docker/" + a + "\n", a},
		{"docker, v1, systemd", "9:devices:/system.slice/docker-" + a + ".scope\n", a},
		{"docker, both hierarchies, the first line empty", "13:rdma:/\n4:memory:/docker/" + a + "\n0::/system.slice/containerd.service\n", a},
		{"docker with a parent of its own", "0::/dream.slice/docker-" + a + ".scope\n", a},
		{"docker without root", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + a + ".scope\n", a},
		{"a process that systemd in a container started", "0::/system.slice/docker-" + a + ".scope/init.scope\n", a},
		{"containerd of kubernetes, systemd", "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-" + a + ".scope\n", a},
		{"containerd of kubernetes, colons", "4:memory:/system.slice/containerd.service/kubepods-besteffort-pod2.slice:cri-containerd:" + a + "\n", a},
		{"containerd of kubernetes, cgroupfs", "0::/kubepods/besteffort/pod0f1e2d3c-0000-4000-8000-0123456789ab/" + a + "\n", a},
		{"nerdctl", "0::/system.slice/nerdctl-" + a + ".scope\n", a},
		{"podman", "0::/machine.slice/libpod-" + a + ".scope/container\n", a},
		{"podman without root", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + a + ".scope/container\n", a},
		{"podman, cgroupfs", "0::/libpod_parent/libpod-" + a + "\n", a},
		{"cri-o", "0::/kubepods.slice/crio-" + a + ".scope\n", a},
		{"docker in docker", "0::/docker/" + a + "/docker/" + b + "\n", a},
		{"seen from another namespace", "0::/../../docker/" + a + "\n", a},

		{"podman's watcher is in no container", "0::/machine.slice/libpod-conmon-" + a + ".scope\n", ""},
		{"cri-o's watcher", "0::/kubepods.slice/crio-conmon-" + a + ".scope\n", ""},
		{"a session", "0::/user.slice/user-1000.slice/session-2.scope\n", ""},
		{"the root", "0::/\n", ""},
		{"a service", "0::/system.slice/docker.service\n", ""},
		{"a short id", "0::/docker/" + a[:12] + "\n", ""},
		{"a longer number", "0::/docker/" + a + "0\n", ""},
		{"capitals", "0::/docker/" + strings.ToUpper(a) + "\n", ""},
		{"a runtime that nobody knows", "0::/system.slice/backup-" + a + ".scope\n", ""},
		{"no path", "0::\n", ""},
		{"no fields", "docker/" + a + "\n", ""},
		{"nothing: it has ended", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := gpu.ContainerID([]byte(test.cgroup)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzContainerID(f *testing.F) {
	f.Add([]byte("0::/system.slice/docker-" + strings.Repeat("0", 64) + ".scope\n"))
	f.Fuzz(func(t *testing.T, cgroup []byte) {
		if id := gpu.ContainerID(cgroup); id != "" && (len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "") {
			t.Errorf("%q", id)
		}
	})
}
