package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"dreamserver/catalog"
)

// Looking at what has changed comes to the same as reading everything, whatever has changed in whichever order.
func TestLook_AtWhatWasTouchedIsAsGoodAsAFreshRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := newInstallation(t, library("notes"), enabled("board"), builtin("shelf", "compose.yaml"))
		in.Manager = in.unrated()
		in.Look()
		size := 0 // each file that is written has another: the clock of a disk may stand still for some milliseconds
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			dir := rapid.SampledFrom([]string{"extensions/services", "data/user-extensions", "data/extensions-library"}).Draw(rt, "dir")
			id := rapid.SampledFrom([]string{"notes", "board", "shelf", ".hidden"}).Draw(rt, "id")
			own := in.path(dir + "/" + id)
			size++
			padding := strings.Repeat(" ", size) + "\n"
			write := func(name, content string) {
				in.must(os.MkdirAll(filepath.Dir(name), 0o755))
				in.must(os.WriteFile(name, []byte(content+padding), 0o644))
				in.Touch(name)
			}
			info, err := os.Lstat(own)
			isFolder := err == nil && info.IsDir()
			switch change := rapid.SampledFrom([]string{
				"manifest", "broken", "compose", "toggle", "remove", "rename", "link", "file", "no shelf", "index", "reserved", "unseen",
			}).Draw(rt, "change"); change {
			case "manifest", "broken":
				if !isFolder {
					in.must(os.RemoveAll(own))
				}
				write(own+"/manifest.yaml", map[string]string{"manifest": manifestOf(id), "broken": "nonsense: ["}[change])
			case "compose":
				if isFolder {
					write(own+"/compose.yaml", fragmentOf(id))
				}
			case "toggle":
				_ = os.Rename(own+"/compose.yaml", own+"/compose.yaml.disabled") // if it is there
				in.Touch(own + "/compose.yaml")
			case "remove":
				in.must(os.RemoveAll(own))
				in.Touch(own)
			case "rename":
				other := in.path(dir + "/" + rapid.SampledFrom([]string{"notes", "board", "other"}).Draw(rt, "new name"))
				_ = os.Rename(own, other) // if one is there, and the other is not
				in.Touch(own)
				in.Touch(other)
			case "link":
				in.must(os.RemoveAll(own))
				in.must(os.MkdirAll(filepath.Dir(own), 0o755))
				in.must(os.Symlink("elsewhere", own))
				in.Touch(own)
			case "file":
				in.must(os.RemoveAll(own))
				write(own, "no folder")
			case "no shelf":
				in.must(os.RemoveAll(filepath.Dir(own)))
				in.Touch(filepath.Dir(own))
			case "index":
				write(in.settings.CatalogFile, fmt.Sprintf(`{"schema_version": "1.0.0", "extensions": [{"id": %q}]}`, id))
			case "reserved":
				write(in.path("config/core-service-ids.json"), fmt.Sprintf("[%q]", id))
			case "unseen": // no event tells: whoever has to know looks at everything
				in.must(os.MkdirAll(own+"-unseen", 0o755))
				in.Snapshot()
			}
			if rapid.Bool().Draw(rt, "look now") {
				in.Look()
			}
		}
		want, got := in.unrated().Snapshot(), in.Look()
		if !catalog.Same(want, got) {
			rt.Errorf("what was touched comes to\n%s\na fresh read to\n%s", outline(got), outline(want))
		}
	})
}

// After something has happened to containers, no folder is looked at.
func TestLook_LeavesAloneWhatNobodyTouched(t *testing.T) {
	in := newInstallation(t, library("notes"), enabled("board"))
	in.Look()
	in.must(os.RemoveAll(in.path("data/user-extensions/board")))
	in.must(os.RemoveAll(in.path("data/extensions-library/notes")))
	in.Touch(in.path("data/extensions-library/notes/manifest.yaml"))
	s := in.Look()
	if _, ok := s.Find("board"); !ok {
		t.Error("board was looked at")
	}
	if _, ok := s.Find("notes"); ok {
		t.Error("notes was not looked at")
	}
	if _, ok := in.Snapshot().Find("board"); ok {
		t.Error("board is still there for who looks at everything")
	}
}

func TestTouched(t *testing.T) {
	var many []string
	for i := range catalog.MaxTouched {
		many = append(many, fmt.Sprintf("n-%04d", i))
	}
	tests := []struct {
		name       string
		names      []string // * is everything
		want       []string
		everything bool
	}{
		{name: "nothing"},
		{name: "each once, sorted", names: []string{"b", "a", "b"}, want: []string{"a", "b"}},
		{name: "everything has no names", names: []string{"a", "*", "b"}, everything: true},
		{name: "as many as are remembered", names: slices.Concat(many, many[:1]), want: many},
		{name: "more are everything", names: slices.Concat(many, []string{"one more"}), everything: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var touched catalog.Touched
			for _, n := range tt.names {
				touched.Add(n)
			}
			names, everything := touched.Take()
			wantEqual(t, "names", tt.want, names)
			wantEqual(t, "everything", tt.everything, everything)
			names, everything = touched.Take()
			if len(names) > 0 || everything {
				t.Errorf("taken twice: %v, %t", names, everything)
			}
		})
	}
}

// unrated is a manager that has not looked at anything, and judges nothing: a rating is as old as the files that it is of.
func (in *installation) unrated() *catalog.Manager {
	return catalog.New(catalog.Options{Settings: in.settings, Agent: in.agent, Version: "2.1.0", Log: zerolog.New(in.log)})
}

func outline(s *catalog.Snapshot) string {
	var b strings.Builder
	for _, e := range s.Entries {
		fmt.Fprintf(&b, "%s, %q\n", line(e), e.Name)
	}
	for _, k := range s.Skipped {
		fmt.Fprintf(&b, "skipped %s: %s\n", k.Path, k.Reason)
	}
	return b.String()
}
