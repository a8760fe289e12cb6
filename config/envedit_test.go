package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
)

func TestUpdateEnv(t *testing.T) {
	set := func(value string) config.EnvEdit { return config.EnvEdit{Key: "K", Value: value} }
	unset := config.EnvEdit{Key: "K", Unset: true}
	for _, tt := range []struct {
		name, before string
		edit         config.EnvEdit
		want         string
	}{
		{"a new key comes last", "A=1", set("v"), "A=1\nK=v\n"},
		{"an old value is replaced where it stands", "A=1\nK=old\nB=2\n", set("new"), "A=1\nK=new\nB=2\n"},
		{"its comment stays", "K=old # why\nB=2\n", set("x y"), "K='x y' # why\nB=2\n"},
		{"what looks like a comment in quotes goes", "K='pass # word'\n", set("new"), "K=new\n"},
		{"a value of several lines", "K=\"a\nb\"\nB=2\n", set("c\nd"), "K=\"c\\nd\"\nB=2\n"},
		{"of several lines the last one counts, and one is left", "K=1\nA=1\nK=2\n", set("3"), "A=1\nK=3\n"},
		{"export and Windows line ends", "export K=1\r\nB=2\r\n", set("3"), "K=3\nB=2\r\n"},
		{"YAML's colon", "K: old\n", set("new"), "K=new\n"},
		{"empty", "K=\n", set("v"), "K=v\n"},
		{"to empty", "K=v\n", set(""), "K=''\n"},
		{"the same value changes nothing", "K='v' # mine\n", set("v"), "K='v' # mine\n"},
		{"a value that refers to it keeps what it has", "K=1\nA=${K}\n", set("2"), "K=1\nA=${K}\nK=2\n"},
		{"a line within a value is none", "A='\nK=1\n'\n", set("2"), "A='\nK=1\n'\nK=2\n"},
		{"a key that ends alike", "MY_K=1\nK=2\n", set("3"), "MY_K=1\nK=3\n"},
		{"unset", "# c\nA=1\nK=old\n# d\n", unset, "# c\nA=1\n# d\n"},
		{"unset takes every line", "K=1\nK=2\nA=3\n", unset, "A=3\n"},
		{"unset of what is not there", "A=3\n", unset, "A=3\n"},
		{"unset leaves a line within a value", "K=1\nA='\nK=1\n'\n", unset, "A='\nK=1\n'\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), ".env")
			if err := os.WriteFile(file, []byte(tt.before), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := config.UpdateEnv(file, tt.edit); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if info, err := os.Stat(file); err != nil || tt.want != tt.before && info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v; want 0600 of what was written", info.Mode(), err)
			}
		})
	}
}

func TestUpdateEnv_Refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		before string
		edit   config.EnvEdit
		want   string
	}{
		"a file that a person broke":    {"A=1\nB='\n", config.EnvEdit{Key: "K", Value: "v"}, "FILE:2: a quote is opened and not closed: close it"},
		"NUL":                           {"", config.EnvEdit{Key: "K", Value: "a\x00b"}, "FILE: K: the value holds a NUL byte, which no environment can have"},
		"no name":                       {"", config.EnvEdit{Key: "A B", Value: "v"}, `FILE: "A B" is not a variable's name: write letters, digits and _`},
		"what another value would lose": {"K=1\nA=${K}\n", config.EnvEdit{Key: "K", Unset: true}, "FILE: K cannot be changed without changing another value that refers to it: change it by hand"},
		"more than the file may hold":   {"", config.EnvEdit{Key: "K", Value: strings.Repeat("x", config.MaxEnvBytes)}, "FILE: would be larger than the 1048576 bytes that it may have: give shorter values, or take out what is not needed"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), ".env")
			if err := os.WriteFile(file, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			err := config.UpdateEnv(file, tt.edit)
			if err == nil || strings.ReplaceAll(err.Error(), file, "FILE") != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != tt.before {
				t.Errorf("the file is %q, %v; want it as it was", got, err)
			}
		})
	}
}

// Nothing that one writer wrote is lost to another.
func TestUpdateEnv_WritersWaitForEachOther(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("A=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const writers = 20
	want := map[string]string{"A": "1"}
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		key := fmt.Sprintf("K%d", i)
		want[key] = "v"
		all.Go(func() {
			if i%2 == 0 {
				errs[i] = config.SetEnv(file, config.Pair{Key: key, Value: "v"})
			} else {
				errs[i] = config.UpdateEnv(file, config.EnvEdit{Key: key, Value: "v"})
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := config.ReadEnv(file)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What is set reads back byte for byte with Compose's parser, and nothing else changes: no other key, no other line.
func FuzzUpdateEnv(f *testing.F) {
	values := []string{"", "plain", "two words", "a\nb\r\n", `q"u'o\te`, "$A ${B} $$", "# no comment", "emoji \U0001f600", "\x00", "\xff", " lead", "trail ", "\\"}
	for i, data := range []string{
		"", "K=1\n", "A=1\nK='a\nb'\nB=${A}\n", "export K=1\r\nA=2", "K=1\nK=2\nK=3", "A='\nK=1\n'\n", "K: x # c\n", "K\n", "# K=1\nA=$K", "K=\"a\\\"b\"\n",
	} {
		for j, value := range values {
			f.Add([]byte(data), value, (i+j)%5 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, value string, unset bool) {
		old, err := config.ParseEnv("f", data)
		next, editErr := config.Edit("f", data, []config.EnvEdit{{Key: "K", Value: value, Unset: unset}})
		want := maps.Clone(old)
		if delete(want, "K"); !unset && want != nil {
			want["K"] = value
		}
		switch {
		case editErr != nil:
			if next != nil {
				t.Errorf("Edit = %q beside an error, want nil", next)
			}
			checkText(t, editErr)
			return
		case err != nil:
			t.Fatalf("Edit(%q) of what cannot be read", data)
		case next == nil:
			if diff := cmp.Diff(want, old); diff != "" {
				t.Errorf("Edit(%q) changes nothing (-want +got):\n%s", data, diff)
			}
			return
		}
		got, err := config.ParseEnv("f", next)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q became %q: %v (-want +got):\n%s", data, next, err, diff)
		}
		lines, kept := strings.Split(string(data), "\n"), strings.Split(string(next), "\n")
		for _, line := range lines { // what is not the key's is still there, in its order
			if strings.Contains(line, "K") || strings.ContainsAny(line, "'\"") || line == "" {
				return
			}
		}
		for _, line := range kept {
			if len(lines) > 0 && line == lines[0] {
				lines = lines[1:]
			}
		}
		if len(lines) > 0 {
			t.Errorf("%q became %q: line %q is gone", data, next, lines[0])
		}
	})
}
