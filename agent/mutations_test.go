package agent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/agent"
	"dreamserver/compose"
	"dreamserver/security/policy"
)

const mutations = 3000

// mutating is what the policy "mutator" makes of the service app now.
var mutating atomic.Pointer[mutation]

func init() {
	policy.Register("mutator", func(json.RawMessage) (policy.Plugin, error) {
		return policy.Compiled{
			About: policy.Info{Name: "mutator", Transport: "go", Hooks: []policy.Hook{policy.OnService}},
			Do: func(r policy.Request) (policy.Response, error) {
				err := policy.EachService(r.Spec, func(_ string, s map[string]any) error {
					copied, err := policy.Plain[map[string]any](map[string]any(*mutating.Load()))
					maps.Copy(s, copied)
					return err
				})
				return policy.Response{Spec: r.Spec}, err
			},
		}, nil
	})
}

// mutation is keys of a service, in the words of Compose, and their new values.
type mutation map[string]any

// newMutation makes one by chance: the same for the same seed. Sources of mounts are in dir, images are of repo.
func newMutation(seed uint64, dir, repo string) mutation {
	r := rand.New(rand.NewPCG(seed, 0))
	m := mutation{}
	makers := []func(){
		func() { m["environment"] = texts(r, "K_", true) },
		func() { m["labels"] = texts(r, "l.", false) },
		func() { m["image"] = repo + ":" + strconv.Itoa(1+r.IntN(2)) },
		func() { m["command"] = words(r, 1) },
		func() { m["entrypoint"] = words(r, 1) },
		func() { m["ports"] = ports(r) },
		func() { m["healthcheck"] = healthcheck(r) },
		func() { m["volumes"] = mounts(r, dir) },
		func() { memory(r, m) },
		func() { m["cpus"] = json.Number(strconv.FormatFloat(float64(1+r.IntN(19))/10, 'g', -1, 64)) },
		func() { m["hostname"] = "h" + strconv.Itoa(r.IntN(1000)) },
		func() { m["user"] = fmt.Sprintf("%d:%d", 1+r.IntN(60000), 1+r.IntN(60000)) },
		func() { m["working_dir"] = "/w " + strings.NewReplacer("\n", "", "\r", "").Replace(text(r)) },
		func() { m["init"] = r.IntN(2) == 0 },
		func() { m["read_only"] = r.IntN(2) == 0 },
		func() { m["tty"] = r.IntN(2) == 0 },
		func() { m["restart"] = pick(r, "no", "always", "unless-stopped", "on-failure:3") },
		func() { m["stop_signal"] = pick(r, "SIGINT", "SIGTERM", "SIGQUIT") },
		func() { m["stop_grace_period"] = strconv.Itoa(1+r.IntN(90)) + "s" },
		func() { m["cap_drop"] = []any{"ALL"} },
		func() { m["shm_size"] = strconv.Itoa((1 + r.IntN(64)) << 20) },
		func() { m["tmpfs"] = []any{"/tmp", "/run/" + strconv.Itoa(r.IntN(10))} },
		func() { m["pids_limit"] = json.Number(strconv.Itoa(10 + r.IntN(1000))) },
		func() {
			soft := 100 + r.IntN(1000)
			m["ulimits"] = map[string]any{"nofile": map[string]any{"soft": soft, "hard": soft + r.IntN(1000)}}
		},
		func() {
			m["logging"] = map[string]any{"driver": "json-file", "options": map[string]any{"max-size": strconv.Itoa(1+r.IntN(20)) + "m"}}
		},
	}
	for _, i := range r.Perm(len(makers))[:1+r.IntN(6)] {
		makers[i]()
	}
	return m
}

// pieces are what texts are made of: what YAML, Compose, a shell and a terminal take for something else.
var pieces = []string{
	"a", "Z", "0", " ", "  ", "$", "$$", "$$$", "${X}", "${X:-y}", "$X", "'", `"`, "\n", "\n\n", "\t", "\r", `\`, `\n`, "é", "日本", "😀", "\u00a0", "\u0085", "\u2028", "\ufeff",
	":", ": ", "#", " #", "-", "- ", "{", "}", "[", "]", "*", "&", "!", "|", ">", "%", "@", "`", ",", "=", "<<", "~", "null", "true", "no", "1e3", "0x1f", "012", ".5", "---", "...", "\x7f", "\x1b[31m",
}

func text(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteString(pick(r, pieces...))
	}
	return b.String()
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// texts is a mapping of texts; with null, one of them may be null.
func texts(r *rand.Rand, prefix string, null bool) map[string]any {
	out := map[string]any{}
	for range 1 + r.IntN(5) {
		out[prefix+strconv.Itoa(r.IntN(100))] = text(r)
	}
	if null && r.IntN(10) == 0 {
		out["HOME"] = nil
	}
	return out
}

func words(r *rand.Rand, least int) []any {
	out := []any{}
	for range least + r.IntN(4) {
		out = append(out, text(r))
	}
	return out
}

func ports(r *rand.Rand) []any {
	out := []any{}
	for i := range 1 + r.IntN(3) {
		out = append(out, map[string]any{
			"mode": "ingress", "host_ip": "127.0.0.1", "target": 1000 + 100*i + r.IntN(100), "published": strconv.Itoa(20000 + 1000*i + r.IntN(1000)), "protocol": pick(r, "tcp", "udp"),
		})
	}
	return out
}

func healthcheck(r *rand.Rand) map[string]any {
	if r.IntN(6) == 0 {
		return map[string]any{"disable": true}
	}
	test := append([]any{"CMD"}, words(r, 1)...)
	if r.IntN(2) == 0 {
		test = []any{"CMD-SHELL", text(r) + "x"}
	}
	return map[string]any{"test": test, "interval": strconv.Itoa(1+r.IntN(100)) + "s", "timeout": "1m30s", "retries": 1 + r.IntN(9), "start_period": strconv.Itoa(1+r.IntN(9)) + "s"}
}

func mounts(r *rand.Rand, dir string) []any {
	out := []any{}
	for i := range 1 + r.IntN(3) {
		target := "/m" + strconv.Itoa(i) + pick(r, "", "/é", "/with space", "/$x")
		switch r.IntN(3) {
		case 0:
			out = append(out, map[string]any{"type": "volume", "source": "app.data", "target": target, "volume": map[string]any{}})
		case 1:
			source := filepath.Join(dir, strconv.Itoa(r.IntN(3)))
			out = append(out, map[string]any{"type": "bind", "source": source, "target": target, "read_only": r.IntN(2) == 0, "bind": map[string]any{"create_host_path": true}})
		default:
			out = append(out, map[string]any{"type": "tmpfs", "target": target, "tmpfs": map[string]any{"size": strconv.Itoa((1 + r.IntN(9)) << 20)}})
		}
	}
	return out
}

// memory is a limit, in one of the two places that Compose has for it.
func memory(r *rand.Rand, m mutation) {
	bytes := strconv.Itoa((16 + r.IntN(1000)) << 20)
	if r.IntN(2) == 0 {
		m["mem_limit"] = bytes
		return
	}
	m["deploy"] = map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": bytes}}, "placement": map[string]any{}}
}

// mutable is an installation whose policy is the mutator.
func mutable(t *testing.T, env ...string) (*installation, *agent.Server) {
	t.Helper()
	in := prepare(t, extension("app", "services: {app: {image: \"example/app:1\", environment: {A: b}, volumes: [\"data:/data\"]}}\nvolumes: {data: {}}\n"))
	in.setEnv(env...)
	in.options.Settings = in.load()
	in.policies("plugins: [mutator]\n", nil)
	in.must(os.MkdirAll(in.path("data/app"), 0o755))
	for i := range 3 {
		in.must(os.MkdirAll(in.path(fmt.Sprintf("data/app/%d", i)), 0o755))
	}
	server, err := agent.NewServer(in.options)
	in.must(err)
	return in, server
}

// What policies make of an extension is what is approved, and the file that is approved means just that to whoever reads it:
// for three thousand mutations by chance, of values that YAML, Compose and shells would like to take for something else.
func TestMutations_AreWhatIsApproved(t *testing.T) {
	in, server := mutable(t)
	wrong := 0
	for seed := range uint64(mutations) {
		m := newMutation(seed, in.path("data/app"), "example/app")
		mutating.Store(&m)
		file, approved, done, err := agent.Prepare(t.Context(), server, "app", true)
		if err != nil {
			t.Fatalf("seed %d: %v\n%q", seed, err, m)
		}
		done()
		wrong += misread(t, seed, m, file, approved)
		if seed%100 == 0 { // a plan makes it of the same files without a copy of them
			run, _, done, err := agent.Prepare(t.Context(), server, "app", false)
			in.must(err)
			done()
			wantEqual(t, fmt.Sprintf("seed %d: what is approved, and what was planned", seed), string(file), string(run))
		}
		if wrong > 3 {
			t.Fatal("and so on")
		}
	}
}

// misread counts what is wrong about an approved file.
func misread(t *testing.T, seed uint64, m mutation, file []byte, approved map[string]any) (wrong int) {
	t.Helper()
	u, err := compose.Load(t.Context(), compose.Input{ID: "app", Source: compose.Builtin, Base: true, Files: []compose.File{{Name: "approved", Content: file}}})
	if err != nil {
		t.Errorf("seed %d: the approved file cannot be read: %v\n%s", seed, err, file)
		return 1
	}
	read, err := compose.Model(u.Project)
	if err != nil {
		t.Fatal(err)
	}
	delete(read, "name") // the file's own, which the project has as well
	want := maps.Clone(approved)
	delete(want, "name")
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("seed %d: the approved file is read as something else (-approved +read):\n%s\n%s", seed, diff, file)
		wrong++
	}
	service := approved["services"].(map[string]any)["app"].(map[string]any)
	for _, key := range []string{"environment", "labels", "command", "entrypoint", "image", "hostname", "user", "working_dir"} {
		asked, ok := m[key]
		if !ok {
			continue
		}
		if env, isMap := asked.(map[string]any); isMap {
			env = maps.Clone(env)
			maps.DeleteFunc(env, func(_ string, v any) bool { return v == nil }) // no value is none, and not that of this program
			asked = env
		}
		if diff := cmp.Diff(asked, service[key]); diff != "" {
			t.Errorf("seed %d: %s is not what the policy says (-policy +approved):\n%s", seed, key, diff)
			wrong++
		}
	}
	return wrong
}
