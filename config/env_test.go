package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dreamserver/config"
)

func TestSetEnv(t *testing.T) {
	tests := []struct {
		name, before string
		pairs        []config.Pair
		want         string
	}{
		{
			name:  "new file",
			pairs: []config.Pair{{"A", "1"}, {"B", "two words"}},
			want:  "A=1\nB='two words'\n",
		},
		{
			name:   "what has a value keeps it",
			before: "# mine\nA=old # note\n\nZ=9\n",
			pairs:  []config.Pair{{"A", "new"}, {"B", "2"}},
			want:   "# mine\nA=old # note\n\nZ=9\nB=2\n",
		},
		{
			name:   "an empty line is filled in",
			before: "# the key\nexport KEY=\r\nZ=9",
			pairs:  []config.Pair{{"KEY", "k"}},
			want:   "# the key\nKEY=k\nZ=9",
		},
		{
			name:   "a line within a value is no empty line",
			before: "A='x\nKEY=\n'\n",
			pairs:  []config.Pair{{"KEY", "k"}},
			want:   "A='x\nKEY=\n'\nKEY=k\n",
		},
		{
			name:   "filling in would change what refers to it",
			before: "KEY=\nA=x${KEY}\n",
			pairs:  []config.Pair{{"KEY", "k"}},
			want:   "KEY=\nA=x${KEY}\nKEY=k\n",
		},
		{
			name:   "no final line break",
			before: "A=1",
			pairs:  []config.Pair{{"B", "$x'y"}},
			want:   "A=1\nB=\"\\$x'y\"\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), ".env")
			if tt.before != "" {
				if err := os.WriteFile(file, []byte(tt.before), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := config.SetEnv(file, tt.pairs...); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf(".env (-want +got):\n%s", diff)
			}
			st, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode() != 0o600 {
				t.Errorf("mode %v, want 0600", st.Mode())
			}
			entries, err := os.ReadDir(filepath.Dir(file))
			if err != nil || len(entries) != 1 {
				t.Errorf("the folder holds %v (%v), want .env alone", entries, err)
			}
		})
	}
}

func TestSetEnv_Refuses(t *testing.T) {
	tests := []struct {
		name, before string
		pairs        []config.Pair
		want         string
	}{
		{"a broken file", "A='hunter2\n", []config.Pair{{"B", "1"}}, "FILE:1: a quote is opened and not closed: close it"},
		{"a name that is none", "", []config.Pair{{"A B", "1"}}, `FILE: "A B" is not a variable's name: write letters, digits and _`},
		{"NUL", "", []config.Pair{{"A", "\x00"}}, "FILE: A: the value holds a NUL byte, which no environment can have"},
		{"twice", "", []config.Pair{{"A", "1"}, {"A", "2"}}, "FILE: A is given twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), ".env")
			if err := os.WriteFile(file, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			err := config.SetEnv(file, tt.pairs...)
			want := regexp.MustCompile("^FILE").ReplaceAllLiteralString(tt.want, file)
			if fmt.Sprint(err) != want {
				t.Errorf("SetEnv error: %v\nwant: %s", err, want)
			}
		})
	}
}

func TestSetEnv_DoesNotReplaceALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, ".env")
	if err := os.Symlink(filepath.Join(dir, "real"), link); err != nil {
		t.Fatal(err)
	}
	err := config.SetEnv(link, config.Pair{Key: "A", Value: "1"})
	want := link + ": is a symbolic link, which writing would replace: name the file itself"
	if fmt.Sprint(err) != want {
		t.Errorf("SetEnv error: %v\nwant: %s", err, want)
	}
}

// Root writes for the owner of the installation, who must still be able to read it.
func TestSetEnv_KeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 4321, 4322); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, ".env")
	for _, key := range []string{"NEW", "REPLACED"} {
		if err := config.SetEnv(file, config.Pair{Key: key, Value: "1"}); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if owner := st.Sys().(*syscall.Stat_t); owner.Uid != 4321 || owner.Gid != 4322 {
			t.Errorf("%s: owner %d:%d, want 4321:4322", key, owner.Uid, owner.Gid)
		}
	}
}

// Whatever value is set, Compose's parser reads the same bytes, and the other keys keep theirs.
func TestSetEnv_ReadsBackTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	value := rapid.OneOf(
		rapid.String(),
		rapid.StringOf(rapid.SampledFrom([]rune("a0 $\\{}'\"#=\n\r\t-:?+n%é"))),
	)
	rapid.Check(t, func(t *rapid.T) {
		file := filepath.Join(dir, ".env")
		os.Remove(file)
		want := map[string]string{}
		for i, v := range rapid.SliceOfN(value, 1, 4).Draw(t, "values") {
			key := fmt.Sprintf("K%d", i)
			err := config.SetEnv(file, config.Pair{Key: key, Value: v})
			if regexp.MustCompile("\x00").MatchString(v) {
				if err == nil {
					t.Fatalf("SetEnv accepted %q", v)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if v != "" {
				want[key] = v
			}
		}
		if len(want) == 0 {
			return
		}
		got, err := config.ReadEnv(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("ReadEnv (-want +got):\n%s", diff)
		}
	})
}

func TestNewKey_Is256BitsInHex(t *testing.T) {
	a, b := config.NewKey(), config.NewKey()
	if !regexp.MustCompile(`\A[0-9a-f]{64}\z`).MatchString(a.Reveal()) || a == b {
		t.Errorf("NewKey: %q, then %q; want two different keys of 64 hexadecimal digits", a.Reveal(), b.Reveal())
	}
}
