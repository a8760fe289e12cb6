// Package measuretest checks what a program answers at /metrics, in tests.
package measuretest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Lint fails the test where names, units or texts are not as Prometheus wants them.
func Lint(t *testing.T, text []byte) {
	t.Helper()
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Promtool is where promtool is. Without it the test is skipped, but for `make test`, which has installed it.
func Promtool(t *testing.T) string {
	t.Helper()
	file, err := exec.LookPath("promtool")
	switch {
	case err == nil:
	case os.Getenv("DREAM_TEST_ENGINE") != "":
		t.Fatal("promtool is missing: tools/setup.sh --test installs it")
	default:
		t.Skip("needs promtool: run `make test`")
	}
	return file
}

// CheckMetrics has promtool check the text.
func CheckMetrics(t *testing.T, text []byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Promtool(t), "check", "metrics")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

var documented = regexp.MustCompile("(?m)^\\| `dream_.*$")

// Documented compares the metrics of ours in text with their rows in a section of docs/metrics.md: name, type, unit,
// labels and meaning. The text has to have a series of each metric. root is the project's folder.
func Documented(t *testing.T, root, section string, text []byte) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(page), "\n## "+section+"\n")
	body, _, _ = strings.Cut(body, "\n## ")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(rows(families), "\n")
	if diff := cmp.Diff(want, strings.Join(documented.FindAllString(body, -1), "\n")); diff != "" {
		t.Errorf("docs/metrics.md, section %s (-program +page):\n%s\nThe rows have to be:\n%s", section, diff, want)
	}
}

func rows(families map[string]*dto.MetricFamily) []string {
	var out []string
	for name, f := range families {
		if !strings.HasPrefix(name, "dream_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		cells := []string{"`" + name + "`", strings.ToLower(f.GetType().String()), unit(name), strings.Join(labels, ", "), f.GetHelp()}
		out = append(out, "| "+strings.Join(cells, " | ")+" |")
	}
	slices.Sort(out)
	return out
}

// unit is what the name ends in, as Prometheus wants it.
func unit(name string) string {
	for _, u := range []string{"seconds", "bytes", "celsius", "watts", "ratio"} {
		if strings.Contains(name, "_"+u) {
			return u
		}
	}
	return ""
}
