package security_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/security"
)

// fuzzed is the extension web of a stranger, placed: a fragment, an overlay, and a file that they may name as
// env_file or label_file. It declares every GPU and no grant.
func fuzzed(t *testing.T, fragment, overlay, shipped string) (security.Subject, error) {
	in := compose.Input{
		ID: "web", Source: compose.User, Folder: fstest.MapFS{"app.env": {Data: []byte(shipped)}},
		Files:    []compose.File{{Name: "compose.yaml", Content: []byte(fragment)}, {Name: "compose.local.yaml", Content: []byte(overlay)}},
		Env:      map[string]string{"WEB_PORT": "8080", "EMPTY": ""},
		Declared: func(key string) bool { return key != "DREAM_AGENT_KEY" },
	}
	u, err := compose.Load(t.Context(), in)
	if err != nil {
		return security.Subject{}, err
	}
	u.Place(fuzzPlace, false)
	return fuzzSubject(u), nil
}

var fuzzPlace = compose.Place{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/var/dream", OwnDir: "/state/trees/0123"}

func fuzzSubject(u *compose.Unit) security.Subject {
	return security.Subject{
		Unit: u, DataDir: fuzzPlace.DataDir, OwnDir: fuzzPlace.OwnDir, InstallDir: fuzzPlace.InstallDir, Service: service([]string{"all"}),
		CoreIDs: []string{"llama-server", "open-webui", "dashboard", "dashboard-api"}, OtherIDs: []string{"web-shop", "n8n"}, Prefix: fuzzPlace.Names.Prefix,
	}
}

// Whatever two files say: they are refused with reasons, or what they make means the same when it is written down and
// read again, is accepted again, and has nothing of a short list that needs neither the table nor compose-go.
func FuzzScan(f *testing.F) {
	for _, dir := range []string{"ok", "refused"} {
		for _, seed := range fragments(f, dir) {
			f.Add(seed.text, "services: {web: {image: y}}", "A=1\n")
		}
	}
	for _, seed := range corpusSeeds(f) {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Add("services: {web: {image: x, ports: }}", "services: {web: !reset null}", "")
	f.Add("services: {web: {image: x, ulimits: {nofile: {soft: a}}}}", "services: {web: !override {image: x}}", "A=1")
	f.Add("services: {web: {image: x, env_file: app.env, label_file: app.env}}", "services: {web: {env_file: [{path: app.env, format: raw}]}}", "com.docker.compose.project=x\nA=${WEB_PORT}$$B\n")
	f.Fuzz(func(t *testing.T, fragment, overlay, shipped string) {
		s, err := fuzzed(t, fragment, overlay, shipped)
		if err != nil {
			if e := problem.As(err); e.Code != problem.InvalidExtension && e.Code != problem.MissingConfig {
				t.Errorf("Load: %s: %v, want a refusal", e.Code, err)
			}
			return
		}
		findings, err := security.Scan(s)
		if err != nil {
			if !problem.HasCode(err, problem.InvalidExtension) {
				t.Errorf("Scan: %v, want a refusal", err)
			}
			return
		}
		for _, finding := range findings {
			if finding.Rule == "" || finding.Path == "" || finding.Message == "" || finding.Fix == "" {
				t.Errorf("%+v: something is missing", finding)
			}
		}
		accepted := len(security.Errors(findings)) == 0
		file, err := compose.Encode(s.Unit.Project)
		if err != nil {
			t.Fatal(err)
		}
		if accepted {
			for _, bad := range denied(t, file) {
				t.Errorf("accepted, and holds %s:\n%s", bad, file)
			}
		}
		read, err := compose.Load(t.Context(), compose.Input{ID: "web", Source: compose.User, Base: true, Files: []compose.File{{Name: "f", Content: file}}})
		if err != nil {
			if accepted {
				t.Errorf("accepted, and cannot be read again: %v\n%s", err, file)
			}
			return // the schema wants a list that is there, even when it is empty; docker compose says so, too
		}
		if again, err := compose.Encode(read.Project); err != nil || !bytes.Equal(again, file) {
			t.Errorf("what was judged reads as something else: %v\n%s\n%s", err, file, again)
		}
		if !accepted {
			return
		}
		if err := security.Accept(fuzzSubject(read)); err != nil {
			t.Errorf("what was accepted is not, read again: %v\n%s", err, file)
		}
	})
}

// corpusSeeds are the fragments of the corpus, each with its first overlay and its first other file.
func corpusSeeds(f *testing.F) [][3]string {
	f.Helper()
	files, err := filepath.Glob("testdata/corpus/*/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("the corpus is not there", err)
	}
	var all [][3]string
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		seed := [3]string{"services: {web: {image: x}}", "services: {web: {}}", ""}
		for _, part := range a.Files {
			switch {
			case part.Name == "manifest.yaml":
			case part.Name == "compose.yaml":
				seed[0] = string(part.Data)
			case compose.IsFragment(part.Name):
				seed[1] = string(part.Data)
			default:
				seed[2] = string(part.Data)
			}
		}
		all = append(all, seed)
	}
	return all
}

// denied is what a stranger's file must not hold, whatever the table says. It looks at the text that docker compose
// gets, with nothing of the scan.
func denied(t *testing.T, file []byte) []string {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal(file, &doc); err != nil {
		t.Fatalf("what was accepted is not YAML: %v\n%s", err, file)
	}
	d := &denial{}
	for key := range doc {
		if !slices.Contains([]string{"name", "services", "networks", "volumes", "configs", "secrets"}, key) {
			d.add("top level", key)
		}
	}
	services := mapping(doc["services"])
	for name, v := range services {
		if name != "web" && !strings.HasPrefix(name, "web-") || strings.HasPrefix(name, "web-shop") {
			d.add("services", name)
		}
		d.service(mapping(v))
	}
	for _, section := range []string{"networks", "volumes", "configs", "secrets"} {
		for key, v := range mapping(doc[section]) {
			m := mapping(v)
			if m["external"] == true || m["driver_opts"] != nil || m["environment"] != nil || m["name"] != nil {
				d.add(section, key, m)
			}
			if driver := fmt.Sprint(m["driver"]); m["driver"] != nil && driver != "local" && driver != "bridge" && driver != "" {
				d.add(section, key, "driver", driver)
			}
			if source, ok := m["file"].(string); ok && !isBelow(source, "/state/trees/0123") && !isBelow(source, "/var/dream/web") {
				d.add(section, key, "file", source)
			}
			d.labels(m["labels"])
		}
	}
	return d.found
}

type denial struct{ found []string }

func (d *denial) add(what ...any) { d.found = append(d.found, fmt.Sprint(what...)) }

// forbiddenKeys have no value that a stranger may give.
var forbiddenKeys = []string{
	"build", "use_api_socket", "volumes_from", "env_file", "label_file", "extends", "provider", "develop", "pre_start", "post_start", "pre_stop",
	"models", "device_cgroup_rules", "cgroup_parent", "runtime", "external_links", "credential_spec", "annotations", "isolation", "storage_opt",
	"blkio_config", "oom_kill_disable", "mac_address", "volume_driver",
}

// capabilities are those of every container. All others reach the kernel or other containers.
var capabilities = strings.Fields("AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT")

func (d *denial) service(s map[string]any) {
	for _, key := range forbiddenKeys {
		switch v := s[key].(type) {
		case nil:
		case bool:
			if v {
				d.add(key)
			}
		case []any:
			if len(v) > 0 {
				d.add(key, v)
			}
		case map[string]any:
			if len(v) > 0 {
				d.add(key, v)
			}
		case string:
			if v != "" {
				d.add(key, v)
			}
		default:
			d.add(key, v)
		}
	}
	if v, ok := s["privileged"]; ok && v != false {
		d.add("privileged", v)
	}
	for _, key := range []string{"pid", "ipc", "uts", "userns_mode", "cgroup", "network_mode"} {
		v := fmt.Sprint(s[key])
		if strings.Contains(v, "host") || strings.Contains(v, "container") || strings.HasPrefix(v, "service:") && v != "service:web" && !strings.HasPrefix(v, "service:web-") {
			d.add(key, v)
		}
	}
	for _, c := range anyList(s["cap_add"]) {
		if !slices.Contains(capabilities, strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(fmt.Sprint(c))), "CAP_")) {
			d.add("cap_add", c)
		}
	}
	for _, opt := range anyList(s["security_opt"]) {
		if !strings.HasPrefix(fmt.Sprint(opt), "no-new-privileges") || strings.Contains(fmt.Sprint(opt), "false") {
			d.add("security_opt", opt)
		}
	}
	user, _, _ := strings.Cut(fmt.Sprint(s["user"]), ":")
	if user == "root" || s["user"] != nil && strings.Trim(user, "0 +-x") == "" && user != "" {
		d.add("user", s["user"])
	}
	for _, v := range anyList(s["volumes"]) {
		d.mount(mapping(v))
	}
	for _, v := range anyList(s["ports"]) {
		d.port(mapping(v))
	}
	for _, v := range anyList(s["devices"]) {
		source := fmt.Sprint(mapping(v)["source"])
		if !isBelow(source, "/dev/dri") && source != "/dev/kfd" {
			d.add("devices", v)
		}
	}
	for _, v := range append(anyList(s["extra_hosts"]), anyList(s["dns"])...) {
		if text := strings.ToLower(fmt.Sprint(v)); strings.Contains(text, "gateway") || strings.Contains(text, "172.17.0.1") || strings.Contains(text, "169.254.") {
			d.add("extra_hosts or dns", v)
		}
	}
	if name := fmt.Sprint(s["container_name"]); s["container_name"] != nil && name != "" && !strings.HasPrefix(strings.TrimPrefix(name, "dream-"), "web") {
		d.add("container_name", name)
	}
	d.labels(s["labels"])
	d.labels(mapping(s["deploy"])["labels"])
}

func (d *denial) mount(m map[string]any) {
	source := fmt.Sprint(m["source"])
	switch m["type"] {
	case "volume", "tmpfs":
	case "bind":
		if !isBelow(source, "/var/dream/web") && (!isBelow(source, "/state/trees/0123") || m["read_only"] != true) || strings.Contains(source, "docker.sock") {
			d.add("volumes", m)
		}
	default:
		d.add("volumes", m)
	}
	for _, p := range slices.Collect(maps.Values(mapping(m["bind"]))) {
		if strings.Contains(fmt.Sprint(p), "shared") || strings.Contains(fmt.Sprint(p), "slave") {
			d.add("propagation", p)
		}
	}
}

func (d *denial) port(m map[string]any) {
	addr, err := netip.ParseAddr(fmt.Sprint(m["host_ip"]))
	if err != nil || !addr.Unmap().IsLoopback() {
		d.add("ports", m)
	}
}

func (d *denial) labels(v any) {
	for key := range mapping(v) {
		if strings.HasPrefix(strings.ToLower(key), "com.docker.") {
			d.add("label", key)
		}
	}
}

// isBelow reports whether a path that is written in its shortest way is dir or in it.
func isBelow(p, dir string) bool {
	return path.Clean(p) == p && (p == dir || strings.HasPrefix(p, dir+"/"))
}
