package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

func TestInstall_OfManyAtOnceExactlyOneSucceeds(t *testing.T) {
	in := newInstallation(t, library("notes"))
	const n = 8
	errs := make([]error, n)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		m := in.manager(fmt.Sprintf("caller %d", i)) // two managers are as two processes
		all.Go(func() {
			<-start
			_, errs[i] = m.Install(t.Context(), "notes", catalog.Given{})
		})
	}
	close(start)
	all.Wait()
	succeeded := 0
	for _, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case !problem.HasCode(err, problem.Busy, problem.AlreadyInstalled):
			t.Errorf("refused with %v, want busy or already installed", err)
		}
	}
	if succeeded != 1 {
		t.Errorf("%d installs succeeded, want 1: %v", succeeded, errs)
	}
	wantEqual(t, "user-extensions", notesWith("compose.yaml"), in.userExtensions())
	wantEqual(t, "unfinished", map[string]string{}, in.pending())
}

func TestInstall_OfManyProcessesExactlyOneSucceeds(t *testing.T) {
	in := newInstallation(t, library("notes"))
	const n = 4
	answers := make([]string, n)
	var all sync.WaitGroup
	for i := range n {
		cmd, stdin, out := in.process(jobInstall)
		all.Go(func() {
			stdin.Close()
			out.Scan()
			answers[i], _, _ = strings.Cut(out.Text(), " ")
			_ = cmd.Wait()
		})
	}
	all.Wait()
	slices.Sort(answers)
	succeeded := slices.DeleteFunc(slices.Clone(answers), func(a string) bool {
		return a == string(problem.Busy) || a == string(problem.AlreadyInstalled)
	})
	wantEqual(t, "succeeded", []string{"installed"}, succeeded)
	wantEqual(t, "user-extensions", notesWith("compose.yaml"), in.userExtensions())
}

// Whoever was let through before somebody else's change is looked at again after it.
func TestUninstall_RefusesWhatWasEnabledMeanwhile(t *testing.T) {
	in := newInstallation(t, disabled("notes"))
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { _, errs[0] = in.manager("a").Enable(t.Context(), "notes", false) })
	both.Go(func() { _, errs[1] = in.manager("b").Uninstall(t.Context(), "notes", false) })
	both.Wait()
	if errs[0] == nil && errs[1] == nil {
		t.Error("both succeeded")
	}
	want := ""
	if errs[0] == nil {
		want = notesWith("compose.yaml")
	} else if errs[1] != nil {
		want = notesWith("compose.yaml.disabled")
	}
	wantEqual(t, "user-extensions", want, in.userExtensions())
}

func TestInstall_KilledWhileItStartsLeavesAllAndARecord(t *testing.T) {
	in := newInstallation(t, library("notes"))
	cmd, stdin, _ := in.process(jobDie)
	stdin.Close()
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the other process: %v", err)
	}
	wantEqual(t, "user-extensions", notesWith("compose.yaml"), in.userExtensions())
	wantEqual(t, "unfinished", map[string]string{"notes": "install"}, in.pending())
}

// folder draws the files of an extension beside its manifest and compose file.
func folder(t *rapid.T) []string {
	name := rapid.StringMatching(`[a-zA-Z0-9_ .-]{0,6}[a-zA-Z0-9]`)
	paths := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
		return "d" + strings.Join(rapid.SliceOfN(name, 1, 3).Draw(t, "path"), "/d")
	}), 0, 6, strings.ToLower).Draw(t, "paths")
	all := slices.Clone(paths)
	return slices.DeleteFunc(paths, func(file string) bool { // a file cannot be a folder, too
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, file+"/") })
	})
}

func TestDisableThenEnable_LeavesTheFolderByteForByte(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := newInstallation(t, library("notes"))
		for _, name := range folder(rt) {
			in.write("data/extensions-library/notes/"+name, rapid.SliceOf(rapid.Byte()).Draw(rt, "content"))
		}
		in.mustDo("install notes")
		want := in.disk("data/user-extensions")
		wantEqual(rt, "installed", in.disk("data/extensions-library"), want)
		in.mustDo("disable notes", "enable notes")
		wantEqual(rt, "after disable and enable", want, in.disk("data/user-extensions"))
	})
}

func TestInstall_InterruptedAtAnyFileLeavesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := newInstallation(t, library("notes"))
		for _, name := range folder(rt) {
			in.write("data/extensions-library/notes/"+name, []byte("x"))
		}
		files := slices.Sorted(maps.Keys(in.disk("data/extensions-library")))
		k := rapid.IntRange(0, len(files)-1).Draw(rt, "k")
		in.must(mkfifo(in.path("data/extensions-library/" + files[k] + "-and-a-pipe")))
		before := in.disk("")
		if _, err := in.do("install notes"); !problem.HasCode(err, problem.InvalidExtension) {
			rt.Fatalf("install: %v", err)
		}
		wantEqual(rt, "disk", before, in.disk(""))
	})
}
