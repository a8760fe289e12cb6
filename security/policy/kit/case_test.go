package kit

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/security/policy"
)

const (
	plain      = `{"kind":"service","id":"a","manifest":{},"networks":{},"configs":{},"secrets":{},"services":{"a":{"image":"x:1"}}}`
	privileged = `{"kind":"service","id":"a","manifest":{},"networks":{},"configs":{},"secrets":{},"services":{"a":{"image":"x:1","privileged":true}}}`
)

// tagger is a program that sets a hostname, and refuses what is privileged.
const tagger = `#!/bin/sh
[ $1 = describe ] && exit
read -r q
case $q in *privileged*) echo '{"error":"not on this machine"}'; exit;; esac
echo "$q" | sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; s/"image":"x:1"/"hostname":"tagged",&/'
`

// The same cases, of a program, a server, rules, and what is compiled in.
func TestCases_OfEveryTransport(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tagger"), tagger)
	write(t, filepath.Join(dir, "rules.yaml"), "rules:\n- {name: no, match: \"spec.services.exists(s, spec.services[s].?privileged.orValue(false))\", deny: not on this machine}\n"+
		"- {name: tag, set: {services.*.hostname: \"'tagged'\"}}\n")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "privileged") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"detail":"not on this machine"}`)
			return
		}
		var q map[string]any
		_ = json.Unmarshal(body, &q)
		q["spec"].(map[string]any)["services"].(map[string]any)["a"].(map[string]any)["hostname"] = "tagged"
		_ = json.NewEncoder(w).Encode(map[string]any{"spec": q["spec"], "error": nil})
	}))
	defer web.Close()
	cases := func(plugin string) string {
		return fmt.Sprintf(`{"plugin":%q,"input":%s,"expect":"diff"}`, plugin, plain)
	}
	for name, plugin := range map[string]string{"exec": "./tagger", "http": web.URL, "cel": "rules.yaml"} {
		write(t, filepath.Join(dir, name+"-tags.json"), cases(plugin))
		write(t, filepath.Join(dir, name+"-tags.golden.json"), `[{"path":"services.a.hostname","before":null,"after":"tagged"}]`)
		write(t, filepath.Join(dir, name+"-refuses.json"), fmt.Sprintf(`{"plugin":%q,"input":%s,"expect":"deny","message":"not on"}`, plugin, privileged))
	}
	write(t, filepath.Join(dir, "go-refuses", "case.json"), `{"plugin":"require_digest","expect":"deny","message":"x:1"}`)
	write(t, filepath.Join(dir, "go-refuses", "input.json"), `{"user":"alice","spec":`+plain+`,"hook":"on_run_apply"}`)
	write(t, filepath.Join(dir, "go-allows.json"), `{"plugin":"require_digest","config":{"allow":["x"]},"input":`+plain+`,"expect":"allow"}`)
	if err := os.Mkdir(filepath.Join(dir, "no-cases"), 0o755); err != nil {
		t.Fatal(err)
	}
	all, err := ReadCases(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range Test(t.Context(), all, "", options(), false) {
		got[r.Name] = r.Problem
	}
	want := map[string]string{
		"exec-tags": "", "exec-refuses": "", "http-tags": "", "http-refuses": "", "cel-tags": "", "cel-refuses": "", "go-refuses": "", "go-allows": "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func options() Options {
	return Options{Sources: policy.Sources{Owner: -1, Getenv: func(string) string { return "" }}, Timeout: 20 * time.Second}
}

// What is not as expected says what is there instead; what cannot be asked is told apart.
func TestCases_ThatFail(t *testing.T) {
	tests := []struct {
		name, text, want string
		broken           bool
	}{
		{name: "refused", text: `{"plugin":"./tagger","input":%p,"expect":"allow"}`, want: "expected allow, and it is rejected: not on this machine"},
		{name: "changed", text: `{"plugin":"./tagger","input":%s,"expect":"allow"}`, want: "expected allow, and it is changed\n  services.a.hostname: none → \"tagged\""},
		{name: "accepted", text: `{"plugin":"./tagger","input":%s,"expect":"deny"}`, want: "expected deny, and it is changed"},
		{name: "another message", text: `{"plugin":"./tagger","input":%p,"expect":"deny","message":"later"}`, want: `expected a message with "later", and it says "not on this machine"`},
		{name: "no golden file", text: `{"plugin":"./tagger","input":%s,"expect":"diff"}`, want: "case.golden.json is not there: look at what it changes\n  services.a.hostname: none → \"tagged\", and write it with --update"},
		{name: "no plugin", text: `{"input":%s,"expect":"allow"}`, want: "it names no plugin", broken: true},
		{name: "nowhere", text: `{"plugin":"./nowhere","input":%s,"expect":"allow"}`, want: "no such file", broken: true},
		{name: "a name that nobody has", text: `{"plugin":"nobody","input":%s,"expect":"allow"}`, want: "there is no plugin of that name", broken: true},
		{name: "no answer", text: `{"plugin":"./mute","input":%s,"expect":"allow"}`, want: "it answers nothing", broken: true},
		{name: "too late", text: `{"plugin":"./slow","input":%s,"expect":"allow","timeout":"50ms"}`, want: "no answer within 50ms", broken: true},
		{name: "a hook that it has not", text: `{"plugin":"require_digest","hook":"on_fleet_apply","input":%s,"expect":"allow"}`, want: "it is not asked about on_fleet_apply", broken: true},
		{name: "no time", text: `{"plugin":"./tagger","input":%s,"expect":"allow","timeout":"soon"}`, want: `timeout is "soon"`, broken: true},
		{name: "no hook", text: `{"plugin":"./tagger","input":{"a":1},"expect":"allow"}`, want: "its input has no hook", broken: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"tagger": tagger, "mute": "#!/bin/sh\n", "slow": "#!/bin/sh\n[ $1 = describe ] && exit\nsleep 1000\n"} {
				write(t, filepath.Join(dir, name), text)
			}
			write(t, filepath.Join(dir, "case.json"), strings.NewReplacer("%s", plain, "%p", privileged).Replace(tt.text))
			all, err := ReadCases(dir)
			if err != nil {
				t.Fatal(err)
			}
			r := Test(t.Context(), all, "", options(), false)[0]
			if !strings.Contains(r.Problem, tt.want) || r.Broken != tt.broken {
				t.Errorf("got %q, broken %t\nwant %q, %t", r.Problem, r.Broken, tt.want, tt.broken)
			}
		})
	}
}

// --update writes what is there, after which it is as expected; something else is not.
func TestCases_Golden(t *testing.T) {
	dir := t.TempDir()
	program := write(t, filepath.Join(dir, "tagger"), tagger)
	write(t, filepath.Join(dir, "case.json"), `{"input":`+plain+`,"expect":"diff"}`)
	test := func(update bool) string {
		all, err := ReadCases(dir)
		if err != nil {
			t.Fatal(err)
		}
		return Test(t.Context(), all, program, options(), update)[0].Problem
	}
	if got := test(true) + test(false); got != "" {
		t.Errorf("got %s", got)
	}
	golden, err := os.ReadFile(filepath.Join(dir, "case.golden.json"))
	if want := "[\n  {\n    \"path\": \"services.a.hostname\",\n    \"before\": null,\n    \"after\": \"tagged\"\n  }\n]\n"; err != nil || string(golden) != want {
		t.Errorf("written: %s, %v", golden, err)
	}
	write(t, program, strings.Replace(tagger, `"tagged"`, `"other"`, 1))
	if got := test(false); !strings.HasSuffix(got, "\n  + services.a.hostname: none → \"other\"\n  - services.a.hostname: none → \"tagged\"") {
		t.Errorf("got %s", got)
	}
}

func TestReadCases_RefusesWhatItDoesNotUnderstand(t *testing.T) {
	for text, want := range map[string]string{
		`{"input":{},"expect":"allow","mesage":"x"}`: `unknown field "mesage"`,
		`{"input":{},"expect":"maybe"}`:              `expect is "maybe": write allow, deny or diff`,
		`{"expect":"allow"}`:                         "it has no input",
		`{`:                                          "unexpected EOF",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "case.json"), text)
		if _, err := ReadCases(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "case.json") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := ReadCases(t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no cases") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestWriteJUnit(t *testing.T) {
	var b strings.Builder
	err := WriteJUnit(&b, "cases", []Result{
		{Name: "good", Took: 1500 * time.Millisecond}, {Name: "bad", Problem: "expected allow\n  <a> → \"b\""}, {Name: "broken", Problem: "no answer", Broken: true},
	})
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="cases" tests="3" failures="1" errors="1" time="1.500">
  <testcase name="good" classname="cases" time="1.500"></testcase>
  <testcase name="bad" classname="cases" time="0.000">
    <failure message="expected allow">expected allow&#xA;  &lt;a&gt; → &#34;b&#34;</failure>
  </testcase>
  <testcase name="broken" classname="cases" time="0.000">
    <error message="no answer">no answer</error>
  </testcase>
</testsuite>
`
	if d := cmp.Diff(want, b.String()); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}
