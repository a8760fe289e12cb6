package doctor_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security/drift"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// healthy is an installation with which nothing is wrong.
func healthy() doctor.Facts {
	return doctor.Facts{
		Now:          now,
		Observer:     doctor.Observer{UID: 1000},
		Installation: doctor.Installation{Dir: "/srv/dream", Exists: true, Version: "2.1.0", Shipped: 150},
		Settings: doctor.Settings{File: "/srv/dream/.env", Keys: map[string]int{
			"DASHBOARD_API_KEY": 64, "DREAM_AGENT_KEY": 64, "DREAM_AGENT_API_KEY": 64, "WEBUI_SECRET": 64,
		}},
		Paths:   []doctor.Path{{File: "/srv/dream/.env", Mode: 0o600, UID: 1000, Most: 0o600, Least: 0o400, Secret: true, Owner: 1000}},
		Agent:   doctor.Agent{Available: true, Version: "2.1.0"},
		Service: doctor.Service{File: "/etc/unit", Exists: true},
		Docker: doctor.Docker{
			Known: true, Version: compose.EngineVersion{Version: "28.2.2", API: "1.50"}, Setup: compose.EngineInfo{Root: "/var/lib/docker", Runtimes: []string{"nvidia", "runc"}}, Compose: "5.5.1",
		},
		Disks:     []doctor.Disk{{Holds: "the data directory", Path: "/srv/dream/data", Total: 1 << 40, Free: 1 << 39, Inodes: 1000, InodesFree: 900}},
		GPU:       doctor.GPU{Backend: "cpu", OS: "linux"},
		Ports:     doctor.Ports{Project: "dream-server", Published: []compose.Publication{}},
		Clock:     doctor.Clock{Newest: now.Add(-time.Hour), File: "/srv/dream/.env"},
		Catalogue: doctor.Catalogue{File: "/srv/dream/config/extensions-catalog.json", Library: 45},
		Leftovers: doctor.Leftovers{Folder: "/srv/dream/data/user-extensions", Owner: 0},
	}
}

func TestExamine_FindsNothingWrongWithAHealthyInstallation(t *testing.T) {
	r := doctor.Examine(healthy())
	for _, f := range r.Checks {
		if f.Severity != doctor.OK || f.Title == "" || f.Fix != "" {
			t.Errorf("%+v", f)
		}
	}
	want := doctor.Report{Summary: doctor.Summary{OK: len(doctor.IDs())}, Result: doctor.OK}
	got := r
	got.Checks = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// Each row spoils one fact. The findings of the check that are not ok are "severity title | fix".
func TestExamine_SaysWhatIsWrongAndWhatToDo(t *testing.T) {
	const renew = "put a new one into tls/cert.pem and tls/key.pem; the dashboard takes it without a restart"
	lan := func(f *doctor.Facts) {
		f.Certificate = doctor.Certificate{
			Needed: true, File: "/c", Address: "0.0.0.0", From: now.AddDate(-1, 0, 0), Until: now.AddDate(1, 0, 0), Hosts: []string{"dream.lan"},
		}
	}
	web := doctor.Port{Number: 3001, Protocol: "tcp", Address: "127.0.0.1", Service: "dashboard", Owner: `core service "dashboard"`, Key: "DASHBOARD_PORT", InUse: true, Holder: doctor.Holder{UID: -1}}
	held := func(h doctor.Holder) func(*doctor.Facts) {
		return func(f *doctor.Facts) {
			p := web
			p.Holder = h
			f.Ports.Wanted = []doctor.Port{p}
		}
	}
	tests := []struct {
		name, id string
		spoil    func(*doctor.Facts)
		want     []string
	}{
		{"files are missing", "installation", func(f *doctor.Facts) { f.Installation.Missing = []string{"docker-compose.cpu.yml"} }, []string{
			"error 1 file of version 2.1.0 missing | dream init --install-dir /srv/dream",
		}},
		{"files have changed", "installation", func(f *doctor.Facts) { f.Installation.Changed = []string{"a", "b"} }, []string{
			"warning 2 files are not as version 2.1.0 ships them | dream init --install-dir /srv/dream",
		}},
		{"files cannot be read", "installation", func(f *doctor.Facts) { f.Installation.Problem = "permission denied" }, []string{"skipped the files that ship cannot be compared | sudo dream doctor"}},

		{"no .env", "settings", func(f *doctor.Facts) { f.Settings.Missing = true }, []string{"error /srv/dream/.env does not exist: there are no keys | dream init"}},
		{"another's .env", "settings", func(f *doctor.Facts) { f.Settings.Denied = true }, []string{"skipped /srv/dream/.env may not be read by this user | sudo dream doctor"}},
		{"a link", "settings", func(f *doctor.Facts) { f.Settings.Link = true }, []string{
			"error /srv/dream/.env is a symbolic link, which writing would replace: `dream config` and `dream init` refuse to change it | put the file that it leads to in its place",
		}},
		{"a link to nothing", "settings", func(f *doctor.Facts) { f.Settings.Link, f.Settings.Missing = true, true }, []string{
			"error /srv/dream/.env is a symbolic link that leads nowhere: there are no keys | remove it\ndream init",
		}},
		{"a folder", "settings", func(f *doctor.Facts) {
			f.Settings = doctor.Settings{File: "/srv/dream/.env", Kind: "a folder", Invalid: []string{"x"}}
		}, []string{
			"error /srv/dream/.env is a folder, not a file: it has no settings and no keys | move it away\ndream init",
		}},
		{"a broken .env", "settings", func(f *doctor.Facts) {
			f.Settings.Invalid, f.Settings.Keys = []string{".env:3: is not KEY=value"}, nil
		}, []string{"error settings cannot be used | mend the line, or remove it: then the default holds"}},
		{"no keys", "settings", func(f *doctor.Facts) { f.Settings.Keys = map[string]int{"WEBUI_SECRET": 32} }, []string{
			"error DASHBOARD_API_KEY is missing in .env | dream init\nmake run",
			"error DREAM_AGENT_KEY is missing in .env | dream init\nmake run",
			"warning DREAM_AGENT_API_KEY is missing in .env, which is older: the API shows the agent the owner's key | dream init\nmake run",
		}},
		{"a short key", "settings", func(f *doctor.Facts) { f.Settings.Keys["DREAM_AGENT_KEY"] = 31 }, []string{
			"warning DREAM_AGENT_KEY is short: 31 characters, and 32 or more cannot be guessed | remove its line from .env; dream init makes a new one and make run hands it out",
		}},
		{"a note", "settings", func(f *doctor.Facts) { f.Settings.Notes = []string{"The socket's path is long: set another."} }, []string{"warning The socket's path is long: set another | "}},

		{"open keys", "permissions", func(f *doctor.Facts) { f.Paths[0].Mode = 0o644 }, []string{
			"error /srv/dream/.env is open to others: mode 0644, at most 0600 is needed | chmod 600 /srv/dream/.env",
		}},
		{"an open folder of root's", "permissions", func(f *doctor.Facts) {
			f.Paths = []doctor.Path{{File: "/srv/my data", Mode: 0o755, UID: 0, Most: 0o750, Least: 0o700, Owner: -1}}
		}, []string{"warning /srv/my data is open to others: mode 0755, at most 0750 is needed | sudo chmod 750 '/srv/my data'"}},
		{"a folder that is too closed", "permissions", func(f *doctor.Facts) {
			f.Paths = []doctor.Path{{File: "/run", Mode: 0o700, UID: 1000, Most: 0o710, Least: 0o710, Owner: -1}}
		}, []string{"error /run is too closed: mode 0700, and 0710 is needed | chmod 710 /run"}},
		{"another's file", "permissions", func(f *doctor.Facts) { f.Paths[0].UID = 0 }, []string{
			"warning /srv/dream/.env belongs to user 0, and the installation to user 1000 | sudo chown 1000 /srv/dream/.env",
		}},
		{"a folder out of sight", "permissions", func(f *doctor.Facts) { f.Paths[0].Problem = "permission denied" }, []string{"skipped /srv/dream/.env cannot be looked at | "}},

		{"a good certificate", "certificate", lan, nil},
		{"no certificate", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.Problem = "open cert.pem: no such file" }, []string{
			"error the dashboard is published on 0.0.0.0 and has no certificate that it can use: open cert.pem: no such file | put one into tls/cert.pem and its key into tls/key.pem (docs/configuration.md), or set DASHBOARD_LAN_ADDRESS to 127.0.0.1",
		}},
		{"an ended certificate", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.Until = now.Add(-time.Second) }, []string{"error the certificate ended on 2026-03-04 | " + renew}},
		{"a certificate to come", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.From = now.Add(time.Hour) }, []string{
			"error the certificate holds from 2026-03-04T06:06:07Z only | timedatectl set-ntp true, if the clock is wrong; else " + renew,
		}},
		{"a certificate that ends soon", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.Until = now.AddDate(0, 0, 13) }, []string{"warning the certificate ends on 2026-03-17 | " + renew}},
		{"a certificate for others", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.Foreign = []string{"dream.lan"} }, []string{
			"warning the certificate is not for dream.lan: browsers will warn | make one for every name in DASHBOARD_ALLOWED_HOSTS",
		}},
		{"a certificate out of sight", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.Denied = true }, []string{"skipped the certificate may not be read by this user | sudo dream doctor"}},
		{"no names for the LAN", "certificate", func(f *doctor.Facts) { lan(f); f.Certificate.Hosts = nil }, []string{
			"error the dashboard is published on 0.0.0.0 and DASHBOARD_ALLOWED_HOSTS is empty: it does not start | set DASHBOARD_ALLOWED_HOSTS in .env to the names that other machines use, or DASHBOARD_LAN_ADDRESS to 127.0.0.1",
		}},

		{"a clock behind", "clock", func(f *doctor.Facts) { f.Clock.Newest = now.Add(2 * time.Hour) }, []string{
			"warning the clock says 2026-03-04T05:06:07Z, and /srv/dream/.env was written at 2026-03-04T07:06:07Z | timedatectl set-ntp true",
		}},
		{"a clock a little behind", "clock", func(f *doctor.Facts) { f.Clock.Newest = now.Add(time.Hour) }, nil},

		{"an agent of another version", "agent", func(f *doctor.Facts) { f.Agent.Mismatch = "the host agent is 2.0.0" }, []string{"warning the host agent is of another version | make run"}},
		{"an agent of another user", "agent", func(f *doctor.Facts) { f.Agent = doctor.Agent{Denied: true, Code: problem.AgentRefused} }, []string{
			"skipped the host agent takes no question from this user | sudo dream doctor",
		}},
		{"no service", "service", func(f *doctor.Facts) { f.Service.Exists = false }, nil},
		{"another's service", "service", func(f *doctor.Facts) { f.Service.Install, f.Service.Outdated = "/other", []string{"x"} }, nil},
		{"an old service", "service", func(f *doctor.Facts) { f.Service.Outdated = []string{"WatchdogSec=60"} }, []string{"warning /etc/unit is of another version | make run, as root or with sudo"}},

		{"Docker is away", "docker", func(f *doctor.Facts) { f.Docker.Problem = "does not answer at unix:///x" }, []string{
			"error the Docker Engine does not answer | sudo systemctl start docker\njournalctl -u docker -n 50, if that fails",
		}},
		{"Docker is closed to this user", "docker", func(f *doctor.Facts) { f.Docker.Known, f.Docker.Problem = false, "no" }, []string{"skipped nobody could ask the Docker Engine | sudo dream doctor"}},
		{"an old engine", "docker", func(f *doctor.Facts) { f.Docker.Version = compose.EngineVersion{Version: "19.03.1", API: "1.40"} }, []string{
			"warning Docker Engine 19.03.1 (API 1.40) is older than what is tested: 20.10 (API 1.41) | upgrade Docker",
		}},
		{"the oldest engine", "docker", func(f *doctor.Facts) { f.Docker.Version.API = "1.41" }, nil},
		{"no plugin", "compose", func(f *doctor.Facts) { f.Docker.Compose, f.Docker.ComposeProblem = "", "unknown command" }, []string{
			"error docker compose does not work: nothing can be started | install docker compose 2.29 or later; make run does it where there is none",
		}},
		{"an old plugin", "compose", func(f *doctor.Facts) { f.Docker.Compose = "v2.28.1-desktop.1" }, []string{
			"error docker compose v2.28.1-desktop.1 is too old: 2.29 is the first that works | install docker compose 2.29 or later; make run does it where there is none",
		}},
		{"the oldest plugin", "compose", func(f *doctor.Facts) { f.Docker.Compose = "v2.29.0" }, nil},
		{"a plugin from source", "compose", func(f *doctor.Facts) { f.Docker.Compose = "dev" }, nil},
		{"nobody asked for the plugin", "compose", func(f *doctor.Facts) { f.Docker.Compose = "" }, []string{"skipped nobody could ask for docker compose | "}},

		{"less than 10 GiB", "disk", func(f *doctor.Facts) { f.Disks[0].Free = 10<<30 - 1 }, []string{
			"warning only 10.0 GiB free for the data directory (/srv/dream/data) | docker system df shows what can go; docker image prune -a removes images that no container uses",
		}},
		{"10 GiB", "disk", func(f *doctor.Facts) { f.Disks[0].Free = 10 << 30 }, nil},
		{"less than 1 GiB", "disk", func(f *doctor.Facts) { f.Disks[0].Free = 1 << 29 }, []string{
			"error only 0.5 GiB free for the data directory (/srv/dream/data) | docker system df shows what can go; docker image prune -a removes images that no container uses",
		}},
		{"few inodes", "disk", func(f *doctor.Facts) { f.Disks[0].InodesFree = 49 }, []string{
			"warning only 49 of 1000 files more fit on the disk of the data directory (/srv/dream/data) | find /srv/dream/data -xdev -printf '%h\\n' | sort | uniq -c | sort -n | tail shows where the many are",
		}},
		{"a disk without a bound of inodes", "disk", func(f *doctor.Facts) { f.Disks[0].Inodes, f.Disks[0].InodesFree = 0, 0 }, nil},
		{"a disk that cannot be asked", "disk", func(f *doctor.Facts) { f.Disks[0].Total = 0 }, []string{"skipped the disk of the data directory cannot be asked | "}},

		{"a good NVIDIA GPU", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "nvidia", SMI: true, Driver: "570.1", NVIDIA: 1} }, nil},
		{"no NVIDIA driver", "gpu", func(f *doctor.Facts) { f.GPU.Backend = "nvidia" }, []string{
			"error GPU_BACKEND is nvidia, and nvidia-smi is not there: the NVIDIA driver is not installed | install the NVIDIA driver and reboot\nor set GPU_BACKEND=cpu in .env",
		}},
		{"a silent NVIDIA driver", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "nvidia", SMI: true, Problem: "it hangs"} }, []string{
			"error GPU_BACKEND is nvidia, and nvidia-smi does not answer: it hangs | nvidia-smi\nreboot, after an update of the driver or the kernel\nor set GPU_BACKEND=cpu in .env",
		}},
		{"an NVIDIA driver without a GPU", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "nvidia", SMI: true, Driver: "570.1"} }, []string{
			"error GPU_BACKEND is nvidia, and nvidia-smi finds no GPU | nvidia-smi\nsudo dmesg | grep NVRM shows why the driver does not take it\nor set GPU_BACKEND=cpu in .env",
		}},
		{"one of two NVIDIA GPUs", "gpu", func(f *doctor.Facts) {
			f.GPU = doctor.GPU{Backend: "nvidia", SMI: true, Driver: "570.1", NVIDIA: 1, Problem: "it knows of 2 GPUs and reports on 1"}
		}, []string{
			"warning nvidia-smi does not tell everything: it knows of 2 GPUs and reports on 1 | nvidia-smi\nsudo dmesg | grep NVRM shows what the driver complains of",
		}},
		{"no NVIDIA runtime", "gpu", func(f *doctor.Facts) {
			f.GPU, f.Docker.Setup.Runtimes = doctor.GPU{Backend: "nvidia", SMI: true, Driver: "570.1", NVIDIA: 1}, []string{"runc"}
		}, []string{
			"warning the Docker Engine does not know the nvidia runtime: containers may not get the GPU | install nvidia-container-toolkit\nsudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
		}},
		{"an NVIDIA GPU, and no Docker to ask", "gpu", func(f *doctor.Facts) {
			f.GPU, f.Docker = doctor.GPU{Backend: "nvidia", SMI: true, Driver: "570.1", NVIDIA: 1}, doctor.Docker{}
		}, nil},
		{"a good AMD GPU", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "amd", KFD: true, DRI: true} }, nil},
		{"no AMD driver", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "amd", DRI: true} }, []string{
			"error GPU_BACKEND is amd, and /dev/kfd and /dev/dri are not both there: the AMD driver is not loaded | install the amdgpu driver and load it: sudo modprobe amdgpu\nor set GPU_BACKEND=cpu in .env",
		}},
		{"a good Intel GPU", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "intel", DRI: true} }, nil},
		{"no Intel driver", "gpu", func(f *doctor.Facts) { f.GPU.Backend = "intel" }, []string{
			"error GPU_BACKEND is intel, and /dev/dri is not there: the Intel driver is not loaded | install the driver of the device and load it: sudo modprobe i915\nor set GPU_BACKEND=cpu in .env",
		}},
		{"no Mac", "gpu", func(f *doctor.Facts) { f.GPU.Backend = "apple" }, []string{"error GPU_BACKEND is apple, and this is no Mac but linux | set GPU_BACKEND=cpu in .env"}},
		{"a Mac", "gpu", func(f *doctor.Facts) { f.GPU = doctor.GPU{Backend: "apple", OS: "darwin"} }, nil},
		{"an NVIDIA GPU that is not used", "gpu", func(f *doctor.Facts) { f.GPU.Best = "nvidia" }, []string{
			"warning GPU_BACKEND is cpu, and this machine has an NVIDIA GPU: it is not used | set GPU_BACKEND=nvidia in .env\nmake run",
		}},
		{"an Intel GPU that is not used", "gpu", func(f *doctor.Facts) { f.GPU.Best = "intel" }, []string{
			"warning GPU_BACKEND is cpu, and this machine has an Intel GPU: it is not used | set GPU_BACKEND=intel in .env\nmake run",
		}},
		{"an AMD GPU that is not used", "gpu", func(f *doctor.Facts) { f.GPU.Best = "amd" }, []string{
			"warning GPU_BACKEND is cpu, and this machine has an AMD GPU: it is not used | set GPU_BACKEND=amd in .env\nmake run",
		}},

		{"a port that a program has", "ports", held(doctor.Holder{Program: "nginx", PID: 812, UID: 33}), []string{
			"error port 3001 on 127.0.0.1 is taken by nginx (pid 812) | sudo kill 812\nor stop the service that it belongs to\nor set DASHBOARD_PORT in .env to a free port",
		}},
		{"a port that somebody has", "ports", held(doctor.Holder{UID: 33}), []string{
			"error port 3001 on 127.0.0.1 is taken by another program of user 33 | sudo dream doctor, which sees which program it is\nor set DASHBOARD_PORT in .env to a free port",
		}},
		{"a port that somebody has, as root sees it", "ports", func(f *doctor.Facts) { held(doctor.Holder{UID: -1})(f); f.Observer.UID = 0 }, []string{
			"error port 3001 on 127.0.0.1 is taken by another program | set DASHBOARD_PORT in .env to a free port",
		}},
		{"a port that a container has", "ports", func(f *doctor.Facts) {
			held(doctor.Holder{Program: "docker-proxy", PID: 5})(f)
			f.Ports.Published = []compose.Publication{{Name: "their-web", Port: 3001, Protocol: "udp"}, {Name: "web", Project: "other", Service: "dashboard", Port: 3001, Protocol: "tcp"}}
		}, []string{"error port 3001 on 127.0.0.1 is taken by container web | docker stop web\nor set DASHBOARD_PORT in .env to a free port"}},
		{"a port that another of our services has", "ports", func(f *doctor.Facts) {
			held(doctor.Holder{})(f)
			f.Ports.Published = []compose.Publication{{Name: "dream-n8n", Project: "dream-server", Service: "n8n", Port: 3001, Protocol: "tcp"}}
		}, []string{"error port 3001 on 127.0.0.1 is taken by container dream-n8n | docker stop dream-n8n\nor set DASHBOARD_PORT in .env to a free port"}},
		{"a port of our own", "ports", func(f *doctor.Facts) {
			held(doctor.Holder{Program: "docker-proxy", PID: 5})(f)
			f.Ports.Published = []compose.Publication{{Name: "dream-dashboard", Project: "dream-server", Service: "dashboard", Port: 3001, Protocol: "tcp"}}
		}, nil},
		{"a port that Docker has, and nobody can say for whom", "ports", func(f *doctor.Facts) {
			held(doctor.Holder{Program: "docker-proxy", PID: 5})(f)
			f.Ports.Published = nil
		}, []string{"skipped port 3001 on 127.0.0.1 is in use, by a container perhaps: neither the agent nor Docker can say by which | mend what is said of the agent and of Docker first"}},
		{"the agent's own port", "ports", func(f *doctor.Facts) {
			held(doctor.Holder{})(f)
			f.Ports.Wanted[0].Own = true
		}, nil},
		{"two that want one port", "ports", func(f *doctor.Facts) {
			other := web
			other.InUse, other.Service, other.Owner, other.Key = false, "n8n", `extension "n8n"`, "N8N_PORT"
			mine := web
			mine.InUse = false
			udp := other
			udp.Protocol = "udp"
			f.Ports.Wanted = []doctor.Port{mine, other, udp}
		}, []string{`error port 3001 is wanted by core service "dashboard" and by extension "n8n": only one of them can start | set N8N_PORT in .env to a free port`}},
		{"ports that are not known", "ports", func(f *doctor.Facts) { f.Ports.Unknown = "no base file" }, []string{"skipped which ports are wanted is not known | "}},

		{"broken extensions", "extensions", func(f *doctor.Facts) {
			f.Extensions.Broken = []doctor.Broken{{ID: "a", Enabled: true, Reason: "x"}, {ID: "b", Reason: "y"}}
		}, []string{
			"error a is enabled and cannot run | do what is said there, or dream disable a",
			"warning b takes no part | mend the file that is named, or remove its folder",
		}},
		{"folders that cannot be read", "extensions", func(f *doctor.Facts) { f.Extensions.Unknown = "permission denied" }, []string{"skipped the extensions' files may not be read by this user | sudo dream doctor"}},
		{"failed starts", "starts", func(f *doctor.Facts) {
			f.Extensions.Failed = []doctor.Failed{{ID: "a", Reason: "x", At: now}, {ID: "b", Reason: "is unhealthy"}}
		}, []string{
			"error a failed to start at 2026-03-04T05:06:07Z | dream logs a\ndream start a",
			"error b does not run as it should | dream logs b\ndream start b",
		}},
		{"what runs is not known", "starts", func(f *doctor.Facts) { f.Extensions.StartsUnknown = "away" }, []string{"skipped what runs is not known | "}},

		{"a killed install", "leftovers", func(f *doctor.Facts) { f.Leftovers.Staged = []string{".staging-a"} }, []string{
			"warning 1 folder is left in /srv/dream/data/user-extensions by a change that was killed | the next install or uninstall removes them; by hand: rm -r /srv/dream/data/user-extensions/.staging-a",
		}},
		{"a change that waits", "leftovers", func(f *doctor.Facts) { f.Leftovers.Pending, f.Leftovers.Away = map[string]string{"a": "install"}, true }, []string{
			"warning install of a is not finished | the host agent finishes it when it is back",
		}},
		{"a change that nobody finishes", "leftovers", func(f *doctor.Facts) { f.Leftovers.Pending = map[string]string{"a": "install"} }, []string{
			"warning install of a is not finished | dream status shows what comes of it",
		}},
		{"records of what is gone", "leftovers", func(f *doctor.Facts) { f.Leftovers.State = []string{"/s/grants/a.json", "/s/approved/a b.yaml"} }, []string{
			"warning 2 records are about extensions that are gone | sudo rm /s/grants/a.json '/s/approved/a b.yaml'",
		}},
		{"records out of sight", "leftovers", func(f *doctor.Facts) { f.Leftovers.StateUnknown = "permission denied" }, []string{
			"skipped records of extensions that are gone: only the agent can look | ",
		}},

		{"what was not approved", "drift", func(f *doctor.Facts) {
			f.Drift = doctor.Drift{Unknown: "Docker is away", Found: []drift.Divergence{
				{What: "privileged", Message: "container dream-web: privileged on, and was approved with off", Fix: "dream restart web"},
				{What: drift.Files, Message: "the files of web have changed", Fix: "dream restart web"},
			}}
		}, []string{
			"error container dream-web: privileged on, and was approved with off | dream restart web",
			"warning the files of web have changed | dream restart web",
			"skipped what runs was not compared with what was approved | ",
		}},

		{"no library", "catalogue", func(f *doctor.Facts) { f.Catalogue.Library = 0 }, []string{"error the library is missing or empty: nothing can be installed | dream init"}},
		{"a library out of sight", "catalogue", func(f *doctor.Facts) { f.Catalogue.Denied, f.Catalogue.Problem = true, "permission denied" }, []string{
			"skipped the catalogue and the library may not be read by this user | sudo dream doctor",
		}},
		{"a torn catalogue", "catalogue", func(f *doctor.Facts) { f.Catalogue.Problem = "unexpected end" }, []string{"error the catalogue cannot be read | dream init"}},
		{"a stale catalogue", "catalogue", func(f *doctor.Facts) { f.Catalogue.Outdated = []string{"hello: its files are not those"} }, []string{
			"warning /srv/dream/config/extensions-catalog.json is stale | dream catalog build",
		}},
	}
	told := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy()
			tt.spoil(&f)
			var got []string
			for _, found := range doctor.Examine(f).Checks {
				if found.ID == tt.id && found.Severity != doctor.OK {
					got = append(got, fmt.Sprintf("%s %s | %s", found.Severity, found.Title, found.Fix))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
		told[tt.id] = true
	}
	for _, id := range doctor.IDs() {
		if !told[id] {
			t.Errorf("nothing is wrong in any row for check %q", id)
		}
	}
}

// Why the agent is away is told in the words of who could not reach it, and what to do depends on who started it.
func TestExamine_TellsWhyTheAgentIsAway(t *testing.T) {
	for _, tt := range []struct {
		code        problem.Code
		fix, asUnit string
	}{
		{problem.AgentNoSocket, "make run", "sudo systemctl start dream-host-agent"},
		{
			problem.AgentRefused, "make run\nor, if it runs and takes no connection from this user: sudo dream doctor",
			"sudo systemctl start dream-host-agent\nor, if it runs and takes no connection from this user: sudo dream doctor",
		},
		{problem.AgentHung, "make stop && make run", "sudo systemctl restart dream-host-agent"},
		{
			problem.AgentUnauthorized, "remove DREAM_AGENT_KEY from the environment, if it is set there\nmake stop && make run, so that the agent reads .env again",
			"remove DREAM_AGENT_KEY from the environment, if it is set there\nsudo systemctl restart dream-host-agent, so that the agent reads .env again",
		},
	} {
		for install, fix := range map[string]string{"": tt.asUnit, "/other": tt.fix} {
			f := healthy()
			f.Agent, f.Service.Install = doctor.Agent{Code: tt.code, Reason: "because"}, install
			want := doctor.Finding{
				ID: "agent", Severity: doctor.Error, Title: "the host agent is away (" + string(tt.code) + "): nothing can be started or stopped", Detail: "because", Fix: fix,
			}
			i := slices.Index(doctor.IDs(), "agent")
			if diff := cmp.Diff(want, doctor.Examine(f).Checks[i]); diff != "" {
				t.Errorf("%s, service of %q (-want +got):\n%s", tt.code, install, diff)
			}
		}
	}
}

func TestExamine_WithoutAnInstallationSaysThatAlone(t *testing.T) {
	f := healthy()
	f.Installation.Exists = false
	want := doctor.Report{
		Checks: []doctor.Finding{{
			ID: "installation", Severity: doctor.Error, Title: "/srv/dream is no installation: it has no docker-compose.base.yml",
			Fix: "dream init --install-dir /srv/dream\nor name the folder of yours: dream doctor --install-dir DIR",
		}},
		Summary: doctor.Summary{Errors: 1}, Result: doctor.Error,
	}
	if diff := cmp.Diff(want, doctor.Examine(f)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestExamine_TheResultIsTheWorst(t *testing.T) {
	f := healthy()
	f.Settings.Denied = true
	if r := doctor.Examine(f); r.Result != doctor.OK || r.Summary.Skipped != 1 {
		t.Errorf("one skipped: %s, %+v", r.Result, r.Summary)
	}
	f.GPU.Best = "nvidia"
	if r := doctor.Examine(f); r.Result != doctor.Warning || r.Summary.Warnings != 1 {
		t.Errorf("one warning: %s, %+v", r.Result, r.Summary)
	}
	f.Docker.Problem = "away"
	if r := doctor.Examine(f); r.Result != doctor.Error || r.Summary.Errors != 1 {
		t.Errorf("one error: %s, %+v", r.Result, r.Summary)
	}
}

// A long list is cut, and says so.
func TestExamine_NamesTheFirstOfMany(t *testing.T) {
	f := healthy()
	for i := range 20 {
		f.Installation.Missing = append(f.Installation.Missing, fmt.Sprintf("file%d", i))
	}
	detail := doctor.Examine(f).Checks[0].Detail
	if lines := strings.Split(detail, "\n"); len(lines) != 9 || lines[8] != "and 12 more" {
		t.Errorf("detail:\n%s", detail)
	}
}

// The page has a row for each check, in their order, and no other.
func TestDocs_ListEveryCheck(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			id, _, _ := strings.Cut(rest, "`")
			rows = append(rows, id)
		}
	}
	if diff := cmp.Diff(doctor.IDs(), rows); diff != "" {
		t.Errorf("docs/doctor.md (-checks +rows):\n%s", diff)
	}
}
