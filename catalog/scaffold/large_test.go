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
