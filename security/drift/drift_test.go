package drift_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/security/drift"
)

const project = "dream"

// byHand is what is told of a container that the agent has not made.
const byHand = "outside: the host agent → docker compose by hand, or another program"

// everything uses all that is compared.
const everything = `
name: dream
services:
  web:
    image: example/web:1
    command: [serve, --token, a-secret]
    environment: {TOKEN: a-secret, MODE: fast, UNSET: null}
    labels: {team: mine}
    container_name: dream-web
    user: "1000:1000"
    read_only: true
    cap_add: [CAP_SYS_NICE]
    cap_drop: [NET_RAW, MKNOD]
    security_opt: ["no-new-privileges:true"]
    group_add: ["44"]
    ports:
      - {target: 80, published: "8080", host_ip: 127.0.0.1, protocol: tcp}
      - {target: 53, protocol: udp}
    volumes:
      - {type: bind, source: /data/web/, target: /data}
      - {type: bind, source: /etc/web, target: /etc/web, read_only: true}
      - {type: volume, source: web.cache, target: /cache}
      - {type: tmpfs, target: /scratch}
    tmpfs: ["/tmp:size=1m"]
    configs: [{source: page, target: /page.html}, {source: text}]
    secrets: [{source: key}]
    devices: ["/dev/dri:/dev/dri", "vendor.com/class=one"]
    device_cgroup_rules: ["c 1:3 mr"]
    networks: {default: null, web.inner: null}
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu, utility]}]}}}
  web-helper:
    image: example/helper:1
    network_mode: service:web
    pid: service:web
    ipc: shareable
networks:
  default: {name: dream-network}
  web.inner: {internal: true}
volumes: {web.cache: {}}
configs: {page: {file: /etc/page.html}, text: {content: x}}
secrets: {key: {file: /etc/key}}
`

func approved(t *testing.T, id, text string, at int) drift.Approved {
	t.Helper()
	p, err := compose.Decode(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return drift.Approved{ID: id, At: time.Unix(int64(at), 0), Project: p}
}

// made is what the agent has made. What is there says that it was made from something else.
var made = drift.Made{Containers: map[string][]drift.Container{
	"dream-web": {{ID: "web-id", Config: "first"}}, "dream-web-helper-1": {{ID: "helper-id", Config: "first"}}, "dream-helper-1": {{ID: "helper-id"}},
}}

// web is what docker compose makes of it.
func web() compose.Inspected {
	return compose.Inspected{
		ConfigDigest: "second",
		Command:      []string{"serve", "--token", "a-secret"}, Entrypoint: []string{"/init"},
		Env:    []string{"TOKEN=a-secret", "MODE=fast", "PATH=/bin", "HTTP_PROXY=http://proxy"},
		Labels: map[string]string{"com.docker.compose.project": project, "team": "mine", "vendor": "example"},
		Defaults: compose.ImageDefaults{
			Command: []string{"sh"}, Entrypoint: []string{"/init"}, Env: []string{"PATH=/bin", "MODE=slow"}, Labels: map[string]string{"vendor": "example"},
		},
		ID: "web-id", Name: "dream-web", Project: project, Service: "web", Image: "example/web:1", ImageID: "sha256:old", User: "1000:1000", ImageUser: "root",
		ReadOnly: true, CapAdd: []string{"CAP_SYS_NICE"}, CapDrop: []string{"MKNOD", "CAP_NET_RAW"}, SecurityOpt: []string{"no-new-privileges:true"},
		Groups: []string{"44"}, Ports: []string{"127.0.0.1:8080:80/tcp", ":0:53/udp"}, NetworkMode: "dream-network", IPCMode: "private",
		ImageVolumes: []string{"/var/lib"},
		Mounts: []compose.Mounted{
			{Type: "bind", Source: "/data/web", Target: "/data"},
			{Type: "bind", Source: "/etc/web", Target: "/etc/web", ReadOnly: true},
			{Type: "bind", Source: "/etc/page.html", Target: "/page.html", ReadOnly: true},
			{Type: "bind", Source: "/etc/key", Target: "/run/secrets/key", ReadOnly: true},
			{Type: "volume", Source: "dream_web.cache", Target: "/cache"},
			{Type: "volume", Source: strings.Repeat("0a", 32), Target: "/var/lib"},
			{Type: "tmpfs", Target: "/scratch"},
			{Type: "tmpfs", Target: "/tmp"},
		},
		Devices: []string{"/dev/dri:/dev/dri:rwm"}, DeviceRules: []string{"c 1:3 mr"},
		Requests: []compose.DeviceRequested{
			{Driver: "cdi", IDs: []string{"vendor.com/class=one"}},
			{Driver: "nvidia", Count: 1, Capabilities: []string{"utility", "gpu"}},
		},
		Networks: []string{"dream-network", "dream_web.inner"},
	}
}

func helper() compose.Inspected {
	return compose.Inspected{
		ID: "helper-id", Name: "dream-web-helper-1", Project: project, Service: "web-helper", Image: "example/helper:1", ImageID: "sha256:old", User: "app", ImageUser: "app",
		NetworkMode: "container:web-id", PIDMode: "container:web-id", IPCMode: "shareable",
	}
}

func images(string) string { return "sha256:new" }

// Each thing that is compared, changed alone, is one divergence with what it should be, and nothing else is.
func TestCompare_TellsWhatIsOther(t *testing.T) {
	tests := []struct {
		name   string
		change func(*compose.Inspected)
		want   string // what: as approved → as it is
	}{
		{"nothing", func(*compose.Inspected) {}, ""},
		{"privileged", func(c *compose.Inspected) { c.Privileged = true }, "privileged: off → on"},
		{"a capability more", func(c *compose.Inspected) { c.CapAdd = append(c.CapAdd, "CAP_SYS_ADMIN") }, "capabilities:  → +SYS_ADMIN"},
		{"one that is not dropped", func(c *compose.Inspected) { c.CapDrop = c.CapDrop[:1] }, "capabilities: -NET_RAW → "},
		{"privileges may grow", func(c *compose.Inspected) { c.SecurityOpt = nil }, "security options: no-new-privileges=true → "},
		{"a profile less", func(c *compose.Inspected) { c.SecurityOpt = append(c.SecurityOpt, "seccomp=unconfined") }, "security options:  → seccomp=unconfined"},
		{"a mount more", func(c *compose.Inspected) {
			c.Mounts = append(c.Mounts, compose.Mounted{Type: "bind", Source: "/var/run/docker.sock", Target: "/s"})
		}, "mounts:  → bind /var/run/docker.sock:/s:rw"},
		{"another source", func(c *compose.Inspected) { c.Mounts[0].Source = "/" }, "mounts: bind /data/web:/data:rw → bind /:/data:rw"},
		{"one that can be written", func(c *compose.Inspected) { c.Mounts[1].ReadOnly = false }, "mounts: bind /etc/web:/etc/web:ro → bind /etc/web:/etc/web:rw"},
		{"another volume", func(c *compose.Inspected) { c.Mounts[4].Source = "other" }, "mounts: volume dream_web.cache:/cache:rw → volume other:/cache:rw"},
		{"a port more", func(c *compose.Inspected) { c.Ports = append(c.Ports, "0.0.0.0:22:22/tcp") }, "ports:  → 0.0.0.0:22:22/tcp"},
		{"another address", func(c *compose.Inspected) { c.Ports[0] = ":8080:80/tcp" }, "ports: 127.0.0.1:8080:80/tcp → :8080:80/tcp"},
		{"all ports", func(c *compose.Inspected) { c.AllPorts = true }, "ports:  → all of the image's"},
		{
			"the host's network", func(c *compose.Inspected) { c.NetworkMode, c.Networks = "host", []string{"host"} },
			"network mode:  → host; networks: dream-network, dream_web.inner → ",
		},
		{"the host's processes", func(c *compose.Inspected) { c.PIDMode = "host" }, "pid mode:  → host"},
		{"the host's memory", func(c *compose.Inspected) { c.IPCMode = "host" }, "ipc mode:  → host"},
		{"the host's name", func(c *compose.Inspected) { c.UTSMode = "host" }, "uts mode:  → host"},
		{"the host's users", func(c *compose.Inspected) { c.UsernsMode = "host" }, "user namespace:  → host"},
		{"a device", func(c *compose.Inspected) { c.Devices = append(c.Devices, "/dev/sda:/dev/sda:r") }, "devices:  → /dev/sda:/dev/sda:r"},
		{"a rule for devices", func(c *compose.Inspected) { c.DeviceRules = []string{"a *:* rwm"} }, "devices: c 1:3 mr → a *:* rwm"},
		{
			"all GPUs", func(c *compose.Inspected) { c.Requests[1].Count = -1 },
			"GPUs: driver=nvidia count=1 capabilities=gpu+utility → driver=nvidia count=all capabilities=gpu+utility",
		},
		{"root", func(c *compose.Inspected) { c.User = "" }, "user: 1000:1000 → "},
		{"another group", func(c *compose.Inspected) { c.Groups = []string{"44", "docker"} }, "groups:  → docker"},
		{"a root that can be written", func(c *compose.Inspected) { c.ReadOnly = false }, "read-only root: on → off"},
		{"another image", func(c *compose.Inspected) { c.Image = "example/evil:1" }, "image: example/web:1 → example/evil:1"},
		{"another image of that name", func(c *compose.Inspected) { c.ID = "other" }, byHand + "; image: sha256:new → sha256:old; environment:  → HTTP_PROXY"},
		{"another command", func(c *compose.Inspected) { c.Command = []string{"sh", "-c", "a-secret"} }, "command: its own → another one"},
		{"no command", func(c *compose.Inspected) { c.Command = nil }, "command: its own → another one"},
		{"another entrypoint", func(c *compose.Inspected) { c.Entrypoint = []string{"/bin/sh"} }, "entrypoint: its own → another one"},
		{"other variables", func(c *compose.Inspected) {
			c.Env = []string{"TOKEN=another-secret", "LD_PRELOAD=/x.so", "A\nB=1", "PATH=/bin"}
		}, `environment: MODE, TOKEN → "A\nB", LD_PRELOAD, TOKEN with another value`},
		{"other labels", func(c *compose.Inspected) { c.Labels = map[string]string{"team": "a-secret", "traefik.enable": "true"} }, "labels: team, vendor → team with another value, traefik.enable"},
		{"made by hand, and the same", func(c *compose.Inspected) { c.ID, c.ImageID, c.Env = "other", "sha256:new", c.Env[:3] }, byHand},
		{"of an image that is gone", func(c *compose.Inspected) { c.Defaults, c.Command = compose.ImageDefaults{Gone: true}, nil }, ""},
		{"another network", func(c *compose.Inspected) { c.Networks = append(c.Networks, "bridge") }, "networks:  → bridge"},
	}
	covered := map[string]bool{drift.Unknown: true, drift.Outside: true, drift.Oneoff: true, drift.Files: true}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := web()
			tt.change(&c)
			var got []string
			for _, d := range drift.Compare(project, []drift.Approved{approved(t, "web", everything, 1)}, made, []compose.Inspected{c}, images) {
				covered[d.What] = true
				got = append(got, fmt.Sprintf("%s: %s → %s", d.What, d.Want, d.Have))
				if d.Extension != "web" || d.Service != "web" || d.Container != "dream-web" || d.Fix != "dream restart web" || !strings.Contains(d.Message, d.Have) && d.What != drift.Outside ||
					strings.Contains(d.Message, "a-secret") {
					t.Errorf("%+v", d)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "; ")); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, what := range drift.What() {
		if !covered[what] {
			t.Errorf("no row shows %q", what)
		}
	}
}

// Whose a container is, and by which file it is measured.
func TestCompare_FindsWhoseAContainerIs(t *testing.T) {
	const helperAlone = "services: {helper: {image: \"example/helper:2\"}}\n"
	old := strings.Replace(everything, "read_only: true\n    cap_add", "read_only: false\n    cap_add", 1)
	first := approved(t, "web", everything, 1)
	tests := []struct {
		name       string
		approved   []drift.Approved
		containers []compose.Inspected
		want       []string
	}{
		{"ours", []drift.Approved{first}, []compose.Inspected{web(), helper()}, nil},
		{"a namespace of another's", []drift.Approved{first}, []compose.Inspected{helper()}, []string{
			"dream-web-helper-1 network mode (service:web → container:web-id): docker rm -f dream-web-helper-1 && dream start web",
			"dream-web-helper-1 pid mode (service:web → container:web-id): docker rm -f dream-web-helper-1 && dream start web",
		}},
		{
			"one that nobody approved",
			[]drift.Approved{first},
			[]compose.Inspected{{Name: "dream-miner-1", Project: project, Service: "miner", Image: "miner"}},
			[]string{"dream-miner-1 unknown ( → miner): docker rm -f dream-miner-1, if nobody needs it"},
		},
		{
			"one that was run by hand",
			[]drift.Approved{first},
			[]compose.Inspected{{Name: "dream-web-run-1", Project: project, Service: "web", OneOff: true, Image: "example/web:1"}},
			[]string{"dream-web-run-1 one-off ( → example/web:1): docker rm -f dream-web-run-1"},
		},
		{
			"one in its place",
			[]drift.Approved{first},
			[]compose.Inspected{func() compose.Inspected { c := web(); c.Project, c.Service = "", ""; return c }()},
			[]string{"dream-web outside (docker compose, project dream → docker run): docker rm -f dream-web && dream start web"},
		},
		{
			"one of another project in its place",
			[]drift.Approved{first},
			[]compose.Inspected{func() compose.Inspected { c := web(); c.Project = "x"; return c }()},
			[]string{"dream-web outside (docker compose, project dream → docker compose, project x): docker rm -f dream-web && dream start web"},
		},
		{
			"one that has been put into another network, which a restart would leave alone",
			[]drift.Approved{first},
			[]compose.Inspected{func() compose.Inspected {
				c := web()
				c.ConfigDigest, c.Networks = "first", append(c.Networks, "bridge")
				return c
			}()},
			[]string{"dream-web networks ( → bridge): docker rm -f dream-web && dream start web"},
		},
		{
			"a dependency that was brought up anew for what needs it",
			[]drift.Approved{approved(t, "web", old, 1), approved(t, "app", everything, 2)},
			[]compose.Inspected{web()},
			nil,
		},
		{"one that was started anew by itself since", []drift.Approved{approved(t, "app", old, 1), approved(t, "web", everything, 2)}, []compose.Inspected{web()}, nil},
		{"one that was not made anew for what needs it", []drift.Approved{first, approved(t, "app", old, 2)}, []compose.Inspected{web()}, nil},
		{
			"as neither says",
			[]drift.Approved{approved(t, "app", old, 1), approved(t, "web", old, 2)},
			[]compose.Inspected{web()},
			[]string{"dream-web read-only root (off → on): dream restart web"},
		},
		{"a core service", []drift.Approved{{ID: "helper", Core: true, Project: approved(t, "", helperAlone, 1).Project}}, []compose.Inspected{func() compose.Inspected {
			c := helper()
			c.Name, c.Service = "dream-helper-1", "helper"
			c.NetworkMode, c.Networks, c.PIDMode, c.IPCMode = "dream_default", []string{"dream_default"}, "", "private"
			return c
		}()}, []string{"dream-helper-1 image (example/helper:2 → example/helper:1): docker rm -f dream-helper-1 && dream up helper"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range drift.Compare(project, tt.approved, made, tt.containers, func(string) string { return "" }) {
				got = append(got, fmt.Sprintf("%s %s (%s → %s): %s", d.Container, d.What, d.Want, d.Have, d.Fix))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
