package security_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

var update = flag.Bool("update", false, "write what the code does into testdata")

// A fragment in testdata is of the extension web. Its first line in refused/ lists the rules that refuse it, in the
// order of the findings. A line "# subject:" makes it built-in, or declares GPU backends.
type fragment struct {
	name, text string
	want       []string
	source     compose.Source
	backends   []string
}

func fragments(t testing.TB, dir string) []fragment {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fragments in %s: %v", dir, err)
	}
	var all []fragment
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f := fragment{name: filepath.Base(file), text: string(data), source: compose.User}
		for i, line := range strings.Split(f.text, "\n") {
			if subject, ok := strings.CutPrefix(line, "# subject: "); ok {
				f.backends = strings.Fields(subject)
			} else if comment, ok := strings.CutPrefix(line, "# "); ok && i == 0 && dir == "refused" {
				f.want = strings.Fields(comment)
			}
		}
		if slices.Contains(f.backends, "builtin") {
			f.source = compose.Builtin
		}
		all = append(all, f)
	}
	return all
}

// subject loads and places the texts as the agent does, and says what their place allows.
func subject(ctx testing.TB, source compose.Source, backends []string, texts ...string) (security.Subject, error) {
	in := compose.Input{ID: "web", Source: source}
	for i, text := range texts {
		name := "compose.yaml"
		if i > 0 {
			name = fmt.Sprintf("compose.%d.yaml", i)
		}
		in.Files = append(in.Files, compose.File{Name: name, Content: []byte(text)})
	}
	u, err := compose.Load(ctx.Context(), in)
	if err != nil {
		return security.Subject{}, err
	}
	place := compose.Place{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/var/dream", OwnDir: "/state/trees/0123"}
	if source == compose.Builtin {
		place.OwnDir = "/srv/dream/extensions/services/web"
	}
	u.Place(place, false)
	return security.Subject{
		Unit: u, DataDir: place.DataDir, OwnDir: place.OwnDir, InstallDir: place.InstallDir, Service: service(backends),
		CoreIDs: []string{"llama-server", "open-webui", "dashboard", "dashboard-api"}, Prefix: place.Names.Prefix,
	}, nil
}

// service is a manifest's section with these gpu_backends; grants stand among them.
func service(words []string) *manifest.Service {
	s := &manifest.Service{ID: "web"}
	for _, w := range words {
		if slices.Contains(manifest.Grants(), manifest.Grant(w)) {
			s.Grants = append(s.Grants, manifest.Grant(w))
		} else {
			s.GPUBackends = append(s.GPUBackends, w)
		}
	}
	return s
}

// scan is what refuses the fragment.
func scan(t testing.TB, f fragment) []security.Finding {
	t.Helper()
	s, err := subject(t, f.source, f.backends, f.text)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	findings, err := security.Scan(s)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	return security.Errors(findings)
}

func TestScan_Accepts(t *testing.T) {
	for _, f := range fragments(t, "ok") {
		t.Run(f.name, func(t *testing.T) {
			if findings := scan(t, f); len(findings) != 0 {
				t.Errorf("refused: %v, want accepted", security.Refusal("web", findings))
			}
		})
	}
}

func TestScan_Refuses(t *testing.T) {
	for _, f := range fragments(t, "refused") {
		t.Run(f.name, func(t *testing.T) {
			var rules []string
			for _, finding := range scan(t, f) {
				rules = append(rules, finding.Rule)
				if finding.Severity != "error" || finding.Path == "" || finding.File != "compose.yaml" || finding.Line == 0 || finding.Message == "" || finding.Fix == "" {
					t.Errorf("%+v: something is missing", finding)
				}
			}
			if diff := cmp.Diff(f.want, rules); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

// What people read is in testdata/findings.golden: a change of words is seen in review.
func TestScan_SaysWhereWhatAndWhatInstead(t *testing.T) {
	var got strings.Builder
	for _, f := range fragments(t, "refused") {
		for _, finding := range scan(t, f) {
			fmt.Fprintf(&got, "%s:%d: %s: %s: %s; %s\n", f.name, finding.Line, finding.Path, finding.Rule, finding.Message, finding.Fix)
		}
	}
	const file = "testdata/findings.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Clients of the reference match these words.
func TestScan_KeepsTheWordsThatClientsMatch(t *testing.T) {
	tests := []struct{ phrase, service string }{
		{"privileged", "{image: x, privileged: true}"},
		{"Docker socket mount", "{image: x, volumes: ['/var/run/docker.sock:/s']}"},
		{"absolute host path", "{image: x, volumes: ['/etc:/h']}"},
		{"bind-mount host path", "{image: x, volumes: ['./data/n8n:/h']}"},
		{"dangerous capabili", "{image: x, cap_add: [SYS_ADMIN]}"},
		{"host PID", "{image: x, pid: host}"},
		{"host network", "{image: x, network_mode: host}"},
		{"host IPC", "{image: x, ipc: host}"},
		{"host user namespace", "{image: x, userns_mode: host}"},
		{"root", "{image: x, user: '0'}"},
		{"bare port", "{image: x, ports: [80]}"},
		{"127.0.0.1", "{image: x, ports: ['0.0.0.0:8080:80']}"},
		{"local build", "{build: .}"},
		{"conflicts with core service", "{image: x, hostname: dashboard}"},
		{"dangerous security_opt", "{image: x, security_opt: ['seccomp:unconfined']}"},
	}
	for _, tt := range tests {
		t.Run(tt.phrase, func(t *testing.T) {
			findings := scan(t, fragment{text: "services: {web: " + tt.service + "}", source: compose.User})
			if len(findings) != 1 || !strings.Contains(findings[0].Message, tt.phrase) {
				t.Errorf("findings %+v, want one that says %q", findings, tt.phrase)
			}
		})
	}
	findings := scan(t, fragment{text: "services: {dashboard: {image: x}}", source: compose.User})
	if want := `name "dashboard" conflicts with core service "dashboard"`; len(findings) != 1 || findings[0].Message != want {
		t.Errorf("findings %+v, want one that says %s", findings, want)
	}
}

func TestScan_JudgesOverlays(t *testing.T) {
	s, err := subject(t, compose.User, nil,
		"services:\n  web:\n    image: x\n    ports: ['127.0.0.1:8080:80']\n",
		"services:\n  web:\n    ports:\n      - 8081:81\n",
		"services:\n  web:\n    ports: ['127.0.0.1:8082:82']\n    privileged: ${P:-true}\n",
	)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := security.Scan(s)
	if err != nil {
		t.Fatal(err)
	}
	got := security.Errors(findings)
	want := []security.Finding{
		{
			Rule: "port-address", Severity: "error", Service: "web", Path: "services.web.ports.1", File: "compose.1.yaml", Line: 4,
			Message: "bare port 8081 is open to the whole network, not only 127.0.0.1", Fix: `write "127.0.0.1:8081:81"; to serve the network, name lan-bind in service.grants and write the address`,
		},
		{
			Rule: "privileged", Severity: "error", Service: "web", Path: "services.web.privileged", File: "compose.2.yaml", Line: 4,
			Message: "privileged gives the container the whole host", Fix: "remove privileged; name the few capabilities in cap_add",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Scan (-want +got):\n%s", diff)
	}
}

func TestScan_AnOverlayMayMendTheFragment(t *testing.T) {
	s, err := subject(t, compose.User, nil, "services: {web: {image: x, privileged: true}}", "services: {web: {privileged: false}}")
	if err != nil {
		t.Fatal(err)
	}
	if findings, err := security.Scan(s); len(security.Errors(findings)) != 0 || err != nil {
		t.Errorf("Scan = %v, %v; want accepted: what runs is not privileged", findings, err)
	}
}

func TestScan_NamesWhatAnExtensionDefinesAsItsFileDoes(t *testing.T) {
	findings := scan(t, fragment{text: "services: {web: {image: x}}\nvolumes:\n  data: {external: true}\n", source: compose.User})
	if len(findings) != 1 || findings[0].Path != "volumes.data" || findings[0].Line != 3 {
		t.Errorf("findings %+v, want one at volumes.data in line 3", findings)
	}
}

func TestScan_RefusesWhatItCannotSee(t *testing.T) {
	p := &types.Project{Services: types.Services{"web": {CPUS: float32(math.NaN())}}}
	_, err := security.Scan(security.Subject{Unit: &compose.Unit{ID: "web", Project: p}})
	if e := problem.As(err); e.Code != problem.InvalidExtension || !strings.HasPrefix(e.Detail, `extension "web" cannot be judged: `) {
		t.Errorf("Scan = %v, want that it cannot be judged", err)
	}
}

func TestRefusal(t *testing.T) {
	if err := security.Refusal("web", nil); err != nil {
		t.Errorf("Refusal of nothing = %v, want nil", err)
	}
	err := security.Refusal("web", []security.Finding{
		{Rule: "a", Severity: security.Error, Path: "services.web.a", File: "compose.yaml", Line: 3, Message: "is bad", Fix: "remove it"},
		{Rule: "b", Severity: security.Error, Path: "volumes.b", Message: "is worse", Fix: "remove that"},
	})
	e := problem.As(err)
	want := `extension "web" is refused by the security scan:
compose.yaml:3: services.web.a: is bad; remove it
volumes.b: is worse; remove that`
	if e.Code != problem.ScanRefused || e.Detail != want || len(e.Items) != 2 || e.Items[1].Rule != "b" {
		t.Errorf("Refusal = %s: %s with %d items\nwant scan_refused: %s with 2", e.Code, e.Detail, len(e.Items), want)
	}
}

// forbidden are keys of a service, each with the rule that must find it wherever it is added.
var forbidden = []struct{ rule, key, value string }{
	{"privileged", "privileged", "true"},
	{"privileged", "privileged", `"${X:-yes}"`},
	{"docker-socket", "volumes", "[/var/run/docker.sock:/var/run/docker.sock]"},
	{"docker-socket", "use_api_socket", "true"},
	{"mount-host-path", "volumes", "[/etc:/forbidden]"},
	{"mount-host-path", "volumes", "[../../x:/forbidden]"},
	{"mount-host-path", "volumes", "[./data:/forbidden]"},
	{"capability", "cap_add", "[SYS_ADMIN]"},
	{"security-opt", "security_opt", "[apparmor=unconfined]"},
	{"root-user", "user", `"0"`},
	{"namespace", "pid", "host"},
	{"namespace", "ipc", "host"},
	{"network-mode", "network_mode", "host"},
	{"port-address", "ports", "[9999:9999]"},
	{"device", "devices", "[/dev/mem]"},
	{"host-gateway", "extra_hosts", "[a:host-gateway]"},
	{"container-name", "container_name", "dream-webui"},
	{"hooks", "post_start", "[{command: [sh]}]"},
	{"provider", "provider", "{type: x}"},
	{"runtime", "runtime", "other"},
}

func TestScan_AForbiddenLineInAnyAcceptedFileIsFound(t *testing.T) {
	accepted := slices.DeleteFunc(fragments(t, "ok"), func(f fragment) bool {
		return f.source == compose.Builtin || slices.Contains(f.backends, "host-gateway") // what is asked for is not forbidden
	})
	rapid.Check(t, func(rt *rapid.T) {
		f := rapid.SampledFrom(accepted).Draw(rt, "file")
		line := rapid.SampledFrom(forbidden).Draw(rt, "line")
		var doc struct {
			Services map[string]any `yaml:"services"`
		}
		if err := yaml.Unmarshal([]byte(f.text), &doc); err != nil {
			rt.Fatal(err)
		}
		names := make([]string, 0, len(doc.Services))
		for name := range doc.Services {
			names = append(names, name)
		}
		slices.Sort(names)
		name := rapid.SampledFrom(names).Draw(rt, "service")
		overlay := fmt.Sprintf("services:\n  %s:\n    %s: %s\n", name, line.key, line.value)
		s, err := subject(t, f.source, f.backends, f.text, overlay)
		if err != nil {
			rt.Fatalf("%s with %s: %v", f.name, overlay, err)
		}
		findings, err := security.Scan(s)
		if err != nil || !slices.ContainsFunc(findings, func(g security.Finding) bool { return g.Rule == line.rule && g.Service == name }) {
			rt.Errorf("%s with\n%s: findings %v, %v; want %s", f.name, overlay, findings, err, line.rule)
		}
	})
}
