package scaffold_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamserver/catalog/scaffold"
)

// As many services, names, secrets and references as a file may hold keep nobody waiting; more are refused.
func TestConvert_BoundsItsTime(t *testing.T) {
	for name, tt := range map[string]struct {
		variable, refused string
		services, each    int
	}{
		"as many as may be":  {variable: "K%[2]d_PASSWORD: secret-%[1]d-%[2]d s1:2 ${V%[2]d:-${W%[1]d:-x}}", services: 50, each: 100},
		"secrets that fit":   {variable: "K%[2]d_PASSWORD: secret-%[1]d-%[2]d", services: 50, each: 5},
		"too many secrets":   {variable: "K%[2]d_PASSWORD: secret-%[1]d-%[2]d", services: 50, each: 100, refused: "has more than 300 variables and secrets"},
		"too many variables": {variable: "K%[2]d: ${V%[1]d_%[2]d}", services: 50, each: 100, refused: "has more than 300 variables and secrets"},
		"too many services":  {variable: "K%[2]d: a", services: 51, each: 1, refused: "more than 50 services"},
	} {
		var b strings.Builder
		b.WriteString("services:\n")
		for i := range tt.services {
			fmt.Fprintf(&b, "  s%d:\n    image: a/b:1\n    ports: [\"%d:80\"]\n    environment:\n", i, 2000+i)
			for j := range tt.each {
				fmt.Fprintf(&b, "      "+tt.variable+"\n", i, j)
			}
		}
		start := time.Now()
		_, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app"}, scaffold.Source{Name: "f", Data: []byte(b.String())})
		if (err != nil) != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		t.Logf("%s: %d bytes in %v", name, b.Len(), time.Since(start))
	}
}

// A file of variables is read once, however often it is named, and what it stands for is bounded. Without the bounds, each
// of these takes minutes, or more memory than there is.
func TestConvert_BoundsFilesOfVariables(t *testing.T) {
	several := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line+"\n", i, i-1)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		files        int
		text, list   string
		services     int
		refused, say string
	}{
		"many variables":               {text: several(30_000, "A%[1]d="), list: "[e0]", services: 4, refused: `line 2: service "s0": has more than 1000 variables`},
		"many variables, named again":  {text: several(900, "A%[1]d="), list: "[e0" + strings.Repeat(", e0", 5000) + "]", services: 1, refused: "are more than 1048576 bytes"},
		"few that many services have":  {text: several(900, "A%[1]d=x"), list: "[e0]", services: 50},
		"long ones, in every service":  {text: several(900, "A%[1]d="+strings.Repeat("x", 250)), list: "[e0]", services: 50, refused: "are more than 1048576 bytes"},
		"many files":                   {files: 101, text: "A=1", list: "[" + strings.TrimSuffix(strings.ReplaceAll(several(101, "e%[1]d"), "\n", ", "), ", ") + "]", services: 1, refused: "more than 100 files are named"},
		"lines that double each other": {text: "A0=0123456789\n" + several(60, "A%[1]d=${A%[2]d}${A%[2]d}$X"), list: "[e0]", services: 1, say: "e0 cannot be read (it is not KEY=value lines, or refers to itself too often)"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for i := range max(1, tt.files) {
				files[fmt.Sprintf("e%d", i)] = tt.text
			}
			_, src := besideFolder(t, files)
			var b strings.Builder
			b.WriteString("services:\n")
			for i := range tt.services {
				fmt.Fprintf(&b, "  s%d: {image: \"a/b:1\", env_file: %s}\n", i, tt.list)
			}
			src.Data = []byte(b.String())
			start := time.Now()
			c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app"}, src)
			t.Logf("%v", time.Since(start))
			if (err != nil) != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("%v, want %q", err, tt.refused)
			}
			if err == nil && !strings.Contains(notesOf(c), tt.say) {
				t.Errorf("no %q in\n%s", tt.say, notesOf(c))
			}
		})
	}
}
