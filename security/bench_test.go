package security_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security"
)

// extension is one to judge, again and again.
type extension struct {
	fsys   fs.FS
	source compose.Source
	dir    string
}

// usual is an extension of usual size: three services, and overlays for two kinds of machine.
func usual() extension {
	return extension{os.DirFS(filepath.Join("testdata", "bench")), compose.User, "web"}
}

// BenchmarkJudge judges an extension cold: its manifest and files are read from disk, and each of its variants is
// loaded, placed and scanned. The goal is 100 a second on one core. "ratio" is the whole over what [compose.Load] takes
// for the same variants in the same run.
func BenchmarkJudge(b *testing.B) {
	v, err := judged(b.Context(), usual().fsys, compose.User, "web")
	if err != nil || v.Verdict != security.Accepted {
		b.Fatalf("%v, %v: the benchmark judges what is accepted", v.Err(), err)
	}
	bench(b, []extension{usual()})
}

// BenchmarkJudgeReal judges the reference system's extensions, one after the other; its figures are of one of them.
// DREAM_REAL_EXTENSIONS names a folder with builtin/ and library/.
func BenchmarkJudgeReal(b *testing.B) {
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		b.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	var all []extension
	for source, dir := range map[compose.Source]string{compose.Builtin: "builtin", compose.User: "library"} {
		fsys := os.DirFS(filepath.Join(root, dir))
		ids, err := fs.ReadDir(fsys, ".")
		if err != nil {
			b.Fatal(err)
		}
		for _, id := range ids {
			e := extension{withShippedFiles{fsys}, source, id.Name()}
			if _, err := judged(b.Context(), e.fsys, e.source, e.dir); err == nil { // else it has nothing to judge
				all = append(all, e)
			}
		}
	}
	b.Logf("%d extensions with something to judge", len(all))
	bench(b, all)
}

// bench judges all of them in each round, and shows how many one core does in a second.
func bench(b *testing.B, all []extension) {
	inputs := inputsOf(b, all)
	ours, floor := compare(b, func() {
		for _, e := range all {
			if _, err := judged(b.Context(), e.fsys, e.source, e.dir); err != nil {
				b.Fatal(err)
			}
		}
	}, func() {
		for _, in := range inputs {
			_, _ = compose.Load(b.Context(), in) // what waits for a value of the owner's is loaded all the same
		}
	})
	b.ReportMetric(float64(len(all))/ours.Seconds(), "judged/s")
	b.ReportMetric(float64(ours)/float64(floor), "ratio")
}

// inputsOf are all variants of the extensions, their files in memory.
func inputsOf(b *testing.B, all []extension) []compose.Input {
	b.Helper()
	var inputs []compose.Input
	for _, e := range all {
		m, err := manifest.Read(e.fsys, e.dir)
		if err != nil {
			b.Fatal(err)
		}
		root := compose.Root{FS: e.fsys}
		variants, skip := compose.Variants(root, e.source, e.dir, m, compose.BackendsOf(m))
		if skip != nil {
			b.Fatal(skip.Reason)
		}
		for _, v := range variants {
			files, err := v.Unit.Read(e.fsys)
			if err != nil {
				b.Fatal(err)
			}
			inputs = append(inputs, compose.Input{ID: m.Service.ID, Source: e.source, Files: files, Env: compose.DeclaredEnv(config.Settings{}, m)})
		}
	}
	return inputs
}

// BenchmarkScan scans a loaded model of usual size. The goal is 10 ms. "ratio" is the scan over loading that model in
// the same run.
func BenchmarkScan(b *testing.B) {
	text, err := os.ReadFile("testdata/bench/web/compose.yaml")
	if err != nil {
		b.Fatal(err)
	}
	var s security.Subject
	load := func() {
		if s, err = subject(b, compose.User, nil, string(text)); err != nil {
			b.Fatal(err)
		}
	}
	load()
	ours, floor := compare(b, func() {
		if _, err := security.Scan(s); err != nil {
			b.Fatal(err)
		}
	}, load)
	b.ReportMetric(1/ours.Seconds(), "scans/s")
	b.ReportMetric(float64(ours)/float64(floor), "ratio")
}

// compare runs ours and what it is compared with in turns, and returns the medians of their processor time: others use
// the machine, too. The benchmark's own clock is of ours alone.
func compare(b *testing.B, ours, floor func()) (_, _ time.Duration) {
	var all [2][]time.Duration
	for b.Loop() {
		all[0] = append(all[0], spent(ours))
		b.StopTimer()
		all[1] = append(all[1], spent(floor))
		b.StartTimer()
	}
	for i := range all {
		slices.Sort(all[i])
	}
	return all[0][len(all[0])/2], all[1][len(all[1])/2]
}

// spent is the processor time, of all cores, that do takes.
func spent(do func()) time.Duration {
	began := processorTime()
	do()
	return processorTime() - began
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
