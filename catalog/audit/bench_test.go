package audit_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/catalog/audit"
)

// shipped is a project of n extensions: those of the checkout, and copies of its library under other names.
func shipped(b *testing.B, n int) audit.Project {
	b.Helper()
	files := tree{}
	variable := strings.NewReplacer("-", "_")
	copyOf := func(root, id, as string) {
		renamed := strings.NewReplacer(id, as, strings.ToUpper(variable.Replace(id)), strings.ToUpper(variable.Replace(as)))
		err := fs.WalkDir(os.DirFS("../../extensions/"+root), id, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile("../../extensions/" + root + "/" + name)
			to := path.Join("extensions", root, as, name[len(id)+1:])
			files[to] = &fstest.MapFile{Data: []byte(renamed.Replace(string(data))), Mode: 0o644}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, name := range []string{"docker-compose.base.yml", "docker-compose.nvidia.yml"} {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			b.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	have := 0
	for round := 0; have < n; round++ {
		for _, root := range []string{"services", "library"} {
			entries, err := os.ReadDir("../../extensions/" + root)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range entries {
				as := e.Name()
				if round > 0 {
					as = fmt.Sprintf("%s-%d", as, round)
				}
				if have < n && (round == 0 || root == "library") {
					copyOf(root, e.Name(), as)
					have++
				}
			}
		}
	}
	return files.write(b)
}

func BenchmarkAudit50(b *testing.B)   { benchmark(b, 50) }
func BenchmarkAudit1000(b *testing.B) { benchmark(b, 1000) }

func benchmark(b *testing.B, n int) {
	p := shipped(b, n)
	for b.Loop() {
		if r, err := audit.Run(b.Context(), p, audit.Options{All: true}); err != nil || r.Summary.Services != n {
			b.Fatal(r.Summary, err)
		}
	}
}

// The whole process, as people and CI start it. The goals are 150 ms for 50 extensions and 2 s for 1,000, on two cores.
func BenchmarkAuditProcess50(b *testing.B)   { benchmarkProcess(b, 50) }
func BenchmarkAuditProcess1000(b *testing.B) { benchmarkProcess(b, 1000) }

func benchmarkProcess(b *testing.B, n int) {
	p := shipped(b, n)
	dream := filepath.Join(b.TempDir(), "dream")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", dream, "dreamserver/cmd/dream").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var cpu float64
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), dream, "audit", "--all", "--json", "--project-dir", p.Dir)
		out, err := cmd.Output() // copies have the ports of their originals: it exits 1
		if !bytes.Contains(out, fmt.Appendf(nil, `"services_audited": %d`, n)) {
			b.Fatal(err)
		}
		cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	b.ReportMetric(1000*cpu/float64(b.N), "cpu-ms/op")
}
