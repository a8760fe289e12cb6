// Package prometheus_test holds the files beside it to what the programs measure, and to what promtool says.
package prometheus_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/measure/measuretest"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "file.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rulesOf(t *testing.T, file string) []rule {
	t.Helper()
	var doc struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(read(t, file)), &doc); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, g := range doc.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rules", file)
	}
	return all
}

var alertFiles = []string{"alerts.yml", "../../extensions/library/prometheus/own-alerts.yml"}

func TestAlerts_SayWhatIsWrongAndWhatToDo(t *testing.T) {
	for _, file := range alertFiles {
		for _, r := range rulesOf(t, file) {
			for _, text := range []string{"summary", "description", "action"} {
				if r.Annotations[text] == "" {
					t.Errorf("%s: %s has no %s", file, r.Alert, text)
				}
			}
			if s := r.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: %s has the severity %q", file, r.Alert, s)
			}
		}
	}
}

// What an alert tells to do is a command that there is.
func TestAlerts_NameCommandsThatExist(t *testing.T) {
	page := read(t, "../../docs/cli.md")
	for _, file := range alertFiles {
		for _, m := range regexp.MustCompile("`dream ([a-z]+)").FindAllStringSubmatch(read(t, file), -1) {
			if !regexp.MustCompile("`dream [^|]*\\b" + m[1] + "\\b").MatchString(page) {
				t.Errorf("%s: docs/cli.md has no dream %s", file, m[1])
			}
		}
	}
}

func TestDocs_NameEveryAlert(t *testing.T) {
	page := read(t, "../../docs/metrics.md")
	for _, r := range rulesOf(t, "alerts.yml") {
		if !strings.Contains(page, "`"+r.Alert+"`") {
			t.Errorf("docs/metrics.md lacks %s", r.Alert)
		}
	}
}

// Each alert has a test in which it fires, and one in which it does not.
func TestAlerts_AreTested(t *testing.T) {
	type alertTest struct {
		Alertname string `yaml:"alertname"`
		Want      []any  `yaml:"exp_alerts"`
	}
	var doc struct {
		Tests []struct {
			Alerts []alertTest `yaml:"alert_rule_test"`
		} `yaml:"tests"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "alerts.test.yml")), &doc); err != nil {
		t.Fatal(err)
	}
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range doc.Tests {
		for _, a := range test.Alerts {
			fires[a.Alertname] = fires[a.Alertname] || len(a.Want) > 0
			rests[a.Alertname] = rests[a.Alertname] || len(a.Want) == 0
		}
	}
	for _, r := range rulesOf(t, "alerts.yml") {
		if !fires[r.Alert] || !rests[r.Alert] {
			t.Errorf("%s: a test in which it fires: %t, and in which not: %t", r.Alert, fires[r.Alert], rests[r.Alert])
		}
	}
}

var ours = regexp.MustCompile(`\bdream_[a-z_]+`)

func TestFiles_NameMetricsThatExist(t *testing.T) {
	page := read(t, "../../docs/metrics.md")
	for _, file := range append([]string{"dashboard.json", "alerts.test.yml"}, alertFiles[0]) {
		names := ours.FindAllString(read(t, file), -1)
		if len(names) < 10 {
			t.Errorf("%s: %d names of metrics: the search misses some", file, len(names))
		}
		for _, name := range names {
			base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
			if !strings.Contains(page, "| `"+base+"` |") {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

// Nothing is measured that the dashboard does not show.
func TestDashboard_ShowsEveryMetric(t *testing.T) {
	shown := read(t, "dashboard.json")
	for _, m := range regexp.MustCompile("(?m)^\\| `(dream_[a-z_]+)` ").FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		if !strings.Contains(shown, m[1]) {
			t.Errorf("%s is in no panel", m[1])
		}
	}
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID         int        `json:"id"`
	Title      string     `json:"title"`
	Type       string     `json:"type"`
	Datasource datasource `json:"datasource"`
	At         struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	Targets []query `json:"targets"`
}

type query struct {
	Expr       string     `json:"expr"`
	Datasource datasource `json:"datasource"`
}

type dashboard struct {
	Templating struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Query string `json:"query"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboard_IsWhole(t *testing.T) {
	d := readDashboard(t)
	if v := d.Templating.List; len(v) != 1 || v[0] != (variable{"datasource", "datasource", "prometheus"}) {
		t.Errorf("variables: %+v", v)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: its id is taken, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.At.X; x < p.At.X+p.At.W; x++ {
			for y := p.At.Y; y < p.At.Y+p.At.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("%q lies over %q, or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		want := datasource{"prometheus", "${datasource}"}
		if p.Datasource != want || len(p.Targets) == 0 {
			t.Errorf("%q: %+v, %d queries", p.Title, p.Datasource, len(p.Targets))
		}
		for _, q := range p.Targets {
			if q.Datasource != want || q.Expr == "" {
				t.Errorf("%q: %+v", p.Title, q)
			}
		}
	}
}

// The extensions have these files as they are: go generate copies them.
func TestFiles_AreTheExtensionsToo(t *testing.T) {
	for file, copied := range map[string]string{"alerts.yml": "prometheus/alerts.yml", "dashboard.json": "grafana/dream-server.json"} {
		if read(t, file) != read(t, "../../extensions/library/"+copied) {
			t.Errorf("%s is not %s: run `go generate .` in the project's folder", copied, file)
		}
	}
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), measuretest.Promtool(t), args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtool_TakesTheConfiguration(t *testing.T) {
	alerts, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	key := write(t, "0123456789abcdef")
	promtool(t, "check", "config", write(t, strings.NewReplacer("/etc/prometheus/dream-server.key", key, "[alerts.yml]", "["+alerts+"]").Replace(read(t, "prometheus.yml"))))
	promtool(t, "check", "config", "--syntax-only", "../../extensions/library/prometheus/prometheus.yml")
}

func TestPromtool_TakesTheAlerts(t *testing.T) {
	promtool(t, append([]string{"check", "rules"}, alertFiles...)...)
	promtool(t, "test", "rules", "alerts.test.yml")
}

// Every query of the dashboard is one that Prometheus understands.
func TestPromtool_TakesTheQueriesOfTheDashboard(t *testing.T) {
	var rules []string
	for _, p := range readDashboard(t).Panels {
		for i, q := range p.Targets {
			expr, err := json.Marshal(strings.ReplaceAll(q.Expr, "$__rate_interval", "1m"))
			if err != nil {
				t.Fatal(err)
			}
			rules = append(rules, fmt.Sprintf("  - {record: 'panel%d:query%d', expr: %s}", p.ID, i, expr))
		}
	}
	promtool(t, "check", "rules", write(t, "groups:\n- name: dashboard\n  rules:\n"+strings.Join(rules, "\n")+"\n"))
}
