package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
)

func TestScope_HoldsWhatIsBelowIt(t *testing.T) {
	want := map[config.Scope]string{
		"admin": "admin operate read metrics", "operate": "operate read metrics", "read": "read metrics", "metrics": "metrics",
		"": "", "root": "",
	}
	for have, allowed := range want {
		var got []string
		for _, needed := range append(config.Scopes(), "", "root", "open") {
			if have.Allows(needed) {
				got = append(got, string(needed))
			}
		}
		if diff := cmp.Diff(allowed, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", have, diff)
		}
	}
}

const sum = `"sha256":"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"`

func TestReadAPIKey_ReadsWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	want := config.APIKey{
		Name: "backup", Scope: config.ScopeRead, SHA256: config.DigestOf("secret"),
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Expires: time.Date(2026, 2, 2, 3, 4, 5, 0, time.UTC),
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if text := `{"scope":"read",` + sum + `,"created":"2026-01-02T03:04:05Z","expires":"2026-02-02T03:04:05Z"}`; string(data) != text {
		t.Errorf("the file is %s, want %s", data, text)
	}
	if err := os.WriteFile(filepath.Join(dir, "backup.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := config.ReadAPIKey(dir, "backup.json")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got.Expired(want.Expires.Add(-time.Nanosecond)) || !got.Expired(want.Expires) {
		t.Error("it does not end when it expires")
	}
	want.Expires = time.Time{}
	if want.Expired(time.Now()) {
		t.Error("a key without an end has ended")
	}
}

func TestReadAPIKey_RefusesWhatIsNoKey(t *testing.T) {
	for _, tc := range []struct{ name, file, content, want string }{
		{"upper case", "Backup.json", "{}", "is no name of a key"},
		{"the name of the key in .env", "admin.json", "{}", "DASHBOARD_API_KEY"},
		{"dots", "...json", "{}", "is no name of a key"},
		{"empty", "a.json", "", "is not a key's JSON"},
		{"list", "a.json", "[]", "is not a key's JSON"},
		{"slip of the pen", "a.json", `{"scope":"read",` + sum + `,"expire":"2026-01-02T03:04:05Z"}`, `unknown field "expire"`},
		{"two objects", "a.json", `{"scope":"read",` + sum + `}{}`, "it goes on after the object"},
		{"no scope", "a.json", `{` + sum + `}`, `scope "" is not admin, operate, read or metrics`},
		{"unknown scope", "a.json", `{"scope":"root",` + sum + `}`, `scope "root" is not`},
		{"no digest", "a.json", `{"scope":"read"}`, "has no sha256"},
		{"short digest", "a.json", `{"scope":"read","sha256":"ab"}`, "sha256 is not 64 hexadecimal digits"},
		{"odd digest", "a.json", `{"scope":"read","sha256":"` + strings.Repeat("a", 65) + `"}`, "sha256 is not 64 hexadecimal digits"},
		{"no hexadecimal", "a.json", `{"scope":"read","sha256":"` + strings.Repeat("z", 64) + `"}`, "sha256 is not 64 hexadecimal digits"},
		{"no time", "a.json", `{"scope":"read",` + sum + `,"expires":"tomorrow"}`, "is not a key's JSON"},
		{"large", "a.json", `{"scope":"read",` + sum + strings.Repeat(" ", config.MaxAPIKeyBytes) + `}`, "is larger than 4096 bytes"},
		{"gone", "b.json", "", "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if tc.file != "b.json" {
				if err := os.WriteFile(filepath.Join(dir, tc.file), []byte(tc.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := config.ReadAPIKey(dir, tc.file); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want …%s…", err, tc.want)
			}
		})
	}
}

func TestReadAPIKey_FollowsNoLinkAndWaitsForNobody(t *testing.T) {
	dir := t.TempDir()
	good := `{"scope":"admin",` + sum + `}`
	if err := os.WriteFile(filepath.Join(dir, "elsewhere"), []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(string) error{
		"link.json": func(p string) error { return os.Symlink(filepath.Join(dir, "elsewhere"), p) },
		"pipe.json": func(p string) error { return syscall.Mkfifo(p, 0o644) },
		"dir.json":  func(p string) error { return os.Mkdir(p, 0o755) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := config.ReadAPIKey(dir, name); err == nil || !strings.HasPrefix(err.Error(), "is ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	names, err := config.ListAPIKeyFiles(dir)
	if diff := cmp.Diff([]string{"dir.json", "link.json", "pipe.json"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if names, err := config.ListAPIKeyFiles(filepath.Join(dir, "nowhere")); names != nil || err != nil {
		t.Errorf("a folder that is not there: %v, %v", names, err)
	}
}
