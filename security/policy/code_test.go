package policy

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dreamserver/internal/problem"
)

const yes, no = `echo '{"error":null}'`, `echo '{"error":"no"}'`

// What an interpreter is given to run is the plugin as much as the interpreter is.
func TestProgram_ItsArgumentsAreItsCode(t *testing.T) {
	dir := t.TempDir()
	for name, exec := range map[string]func(file string) string{
		"a whole path": func(file string) string { return "/bin/sh, " + file },
		"with a flag":  func(file string) string { return script(t, `f=${1#*=}; shift; . $f`) + ", --rules=" + file },
		"a name beside it": func(file string) string {
			must(t, os.WriteFile(filepath.Join(dir, "run"), []byte("#!/bin/sh\n. ./$1\n"), 0o755))
			return filepath.Join(dir, "run") + ", " + filepath.Base(file)
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "a.sh")
			must(t, os.WriteFile(file, []byte(yes), 0o644))
			config := "plugins: [{name: p, exec: [" + exec(file) + "], hooks: [on_service_apply]}]"
			e := loadText(t, config, Sources{})
			evaluate(t, e, subject(t))
			refused := func(when, want string) {
				t.Helper()
				if _, err := e.Evaluate(t.Context(), subject(t)); !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", when, err)
				}
			}
			must(t, os.WriteFile(file, []byte(no), 0o644))
			refused("its code was replaced", "was replaced after it was loaded")
			must(t, os.Chmod(file, 0o666))
			refused("others may change it", file+" may be changed by others")
			c, err := ParseConfig([]byte(config))
			must(t, err)
			if err := Load(c, Sources{}).Locked(); err == nil || !strings.Contains(err.Error(), file+" may be changed by others") {
				t.Errorf("loaded like that: %v", err)
			}
			must(t, os.Remove(file))
			refused("it is gone", "was replaced after it was loaded")
		})
	}
}

// A plugin with a folder of its own is all of that folder; what Python compiles of it is not looked at.
func TestProgram_ItsFolderIsItsCode(t *testing.T) {
	dir := filepath.Join(installed(t, ""), "config/server/plugins")
	own := filepath.Join(dir, "p")
	must(t, os.MkdirAll(filepath.Join(own, "lib", pycache), 0o755))
	put := func(name, text string, mode os.FileMode) {
		must(t, os.WriteFile(filepath.Join(own, name), []byte(text), mode))
	}
	put("run", "#!/bin/sh\n. ./lib/code.sh\n", 0o755)
	put("lib/code.sh", yes, 0o644)
	must(t, os.Symlink("lib/code.sh", filepath.Join(own, "link")))
	from := Sources{Dir: dir}
	e := loadText(t, "plugins: [{name: p, hooks: [on_service_apply]}]", from)
	if r := evaluate(t, e, subject(t)); !evaluate(t, e, subject(t)).Decisions[0].Cached {
		t.Errorf("its answer is not kept: %+v", r.Decisions)
	}
	put("lib/"+pycache+"/code.pyc", "1", 0o644)
	evaluate(t, e, subject(t))
	for name, tt := range map[string]struct {
		do   func() error
		undo func() error
		want string
	}{
		"another text": {
			func() error { put("lib/code.sh", no, 0o644); return nil }, func() error { put("lib/code.sh", yes, 0o644); return nil },
			"or one of the 2 files beside it, was replaced after it was loaded",
		},
		"a file more": {func() error { put("more", "", 0o644); return nil }, func() error { return os.Remove(filepath.Join(own, "more")) }, "was replaced"},
		"others may write a file": {
			func() error { return os.Chmod(filepath.Join(own, "lib/code.sh"), 0o666) }, func() error { return os.Chmod(filepath.Join(own, "lib/code.sh"), 0o644) },
			"lib/code.sh may be changed by others",
		},
		"others may write a folder": {
			func() error { return os.Chmod(filepath.Join(own, "lib"), 0o777) }, func() error { return os.Chmod(filepath.Join(own, "lib"), 0o755) },
			"lib may be changed by others",
		},
		"others may write what is compiled": {
			func() error { return os.Chmod(filepath.Join(own, "lib", pycache), 0o777) }, func() error { return os.Chmod(filepath.Join(own, "lib", pycache), 0o755) },
			pycache + " may be changed by others",
		},
		"a link to something else": {
			func() error { return relink(filepath.Join(own, "link"), "run") }, func() error { return relink(filepath.Join(own, "link"), "lib/code.sh") }, "was replaced",
		},
	} {
		must(t, tt.do())
		if _, err := e.Evaluate(t.Context(), subject(t)); !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, tt.undo())
		evaluate(t, e, subject(t))
	}
	before := e.Plugins()[0].Digest
	put("lib/code.sh", no, 0o644)
	if after := loadText(t, "plugins: [p]", from).Plugins()[0].Digest; after == before {
		t.Error("other code has the same digest")
	}
}

func relink(name, target string) error {
	if err := os.Remove(name); err != nil {
		return err
	}
	return os.Symlink(target, name)
}

// Where some of the code may lie in a folder that nobody looks at, each question is asked.
func TestProgram_WithAFolderAsArgumentIsNotKept(t *testing.T) {
	program, asked := counted(t, yes)
	folder := t.TempDir()
	e := loadText(t, "plugins: [{name: p, exec: ["+script(t, "shift; . "+program)+", "+folder+"], hooks: [on_service_apply]}]", Sources{})
	evaluate(t, e, subject(t))
	before := asked()
	if evaluate(t, e, subject(t)); asked() == before {
		t.Error("its answer was kept")
	}
}

// A link leads out of a folder that is the owners' alone; what counts is the whole way to what it names.
func TestProgram_BehindALink(t *testing.T) {
	open := t.TempDir()
	must(t, os.Mkdir(filepath.Join(open, "in"), 0o755))
	program := filepath.Join(open, "in", "prog")
	must(t, os.WriteFile(program, []byte("#!/bin/sh\necho '{\"error\":null}'\n"), 0o755))
	link := filepath.Join(t.TempDir(), "linked")
	must(t, os.Symlink(program, link))
	if err := (Sources{}).ownersOnly(link); err != nil {
		t.Fatal(err)
	}
	must(t, os.Chmod(open, 0o777))
	_, err := newProgram(PluginConfig{Name: "p", Exec: []string{link}}, Sources{})
	if err == nil || !strings.Contains(err.Error(), open+" may be changed by others") {
		t.Errorf("a program in a folder that anybody can move away: %v", err)
	}
	inside := filepath.Join(open, "link") // it is ours, and anybody can put another one there
	must(t, os.Symlink("/bin/sh", inside))
	if err := (Sources{}).ownersOnly(inside); err == nil || !strings.Contains(err.Error(), open+" may be changed by others") {
		t.Errorf("a link in such a folder: %v", err)
	}
	must(t, syscall.Chmod(open, 0o1777)) // nobody can touch what is another's there
	if err := (Sources{}).ownersOnly(link); err != nil {
		t.Errorf("below a folder such as /tmp: %v", err)
	}
}

// A candidate's plugin may have the name of one that holds, and other arguments: neither answers for the other.
func TestLoadCandidate_HasAnswersOfItsOwn(t *testing.T) {
	program := script(t, `[ $2 = describe ] && exit; [ $1 = b ] && echo '{"error":"no"}' || echo '{"error":null}'`)
	config := func(word string) string {
		return "plugins: [{name: p, exec: [" + program + ", " + word + "], hooks: [on_service_apply]}]"
	}
	candidate := filepath.Join(t.TempDir(), "candidate.yml")
	must(t, os.WriteFile(candidate, []byte(config("b")), 0o644))
	from := Sources{Cache: &Cache{}}
	evaluate(t, loadText(t, config("a"), from), subject(t))
	for name, e := range map[string]*Engine{"other arguments": loadText(t, config("b"), from), "a candidate": LoadCandidate(candidate, 0, from)} {
		if _, err := e.Evaluate(t.Context(), subject(t)); !problem.HasCode(err, problem.PolicyDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, os.WriteFile(candidate, []byte(config("a")), 0o644))
	evaluate(t, LoadCandidate(candidate, 0, from), subject(t))
	if n := from.Cache.used.Len(); n != 1 {
		t.Errorf("%d answers are kept for the config that holds, want its own", n)
	}
}
