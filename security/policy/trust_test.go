package policy

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dreamserver/internal/problem"
)

// installed is an installation with this config; empty for none.
func installed(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "config/server/plugins"), 0o755))
	if config != "" {
		must(t, os.WriteFile(filepath.Join(dir, ConfigFile), []byte(config), 0o644))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Who could put another config in the place of ours, or take it away, would decide: every folder on the way counts.
func TestLoadFile_FoldersAboveTheConfig(t *testing.T) {
	for _, tt := range []struct {
		name, config, open string
		mode               os.FileMode
		locked             bool
	}{
		{"as it should be", "plugins: []", "", 0, false},
		{"nothing", "", "", 0, false},
		{"its folder", "plugins: []", "config/server", 0o777, true},
		{"the one above", "plugins: []", "config", 0o775, true},
		{"the installation", "plugins: []", ".", 0o777, true},
		{"no config, its folder", "", "config/server", 0o777, true},
		{"no config, the one above", "", "config", 0o777, true},
		{"no config, the installation", "", ".", 0o777, true},
		{"a sticky folder on the way", "plugins: []", ".", 0o1777, false},
		{"a sticky folder that it lies in", "plugins: []", "config/server", 0o1777, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := installed(t, tt.config)
			if tt.open != "" {
				must(t, syscall.Chmod(filepath.Join(dir, tt.open), uint32(tt.mode)))
			}
			e := LoadFile(dir, Sources{})
			if err := e.Locked(); (err != nil) != tt.locked || err != nil && !strings.Contains(err.Error(), "may be changed by others") {
				t.Errorf("got %v, want locked: %t", err, tt.locked)
			}
		})
	}
	dir := installed(t, "")
	must(t, os.RemoveAll(filepath.Join(dir, "config")))
	if err := LoadFile(dir, Sources{}).Locked(); err != nil {
		t.Errorf("without the folders: %v", err)
	}
	must(t, os.Symlink("nowhere", filepath.Join(dir, "config")))
	if err := LoadFile(dir, Sources{}).Locked(); !problem.HasCode(err, problem.PolicyLocked) {
		t.Errorf("a folder that leads nowhere: %v", err)
	}
}

// What is no file is never read, and neither is what is too large.
func TestLoadFile_LooksBeforeItReads(t *testing.T) {
	for name, make := range map[string]func(name string) error{
		"is no file":                    func(name string) error { return syscall.Mkfifo(name, 0o644) },
		"is larger than 1048576 bytes":  func(name string) error { return os.WriteFile(name, make([]byte, maxConfig+1), 0o644) },
		"config.yml is no file":         func(name string) error { return os.Symlink("/dev/zero", name) },
		"leads through more than 40":    func(name string) error { return os.Symlink("config.yml", name) },
		"no such file or directory":     func(name string) error { return os.Symlink("gone", name) },
		"config.yml may be changed by ": func(name string) error { must(t, os.WriteFile(name, nil, 0o644)); return os.Chmod(name, 0o646) },
	} {
		dir := installed(t, "")
		must(t, make(filepath.Join(dir, ConfigFile)))
		err := LoadFile(dir, Sources{}).Locked()
		if err == nil || !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "too many levels of symbolic links") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever asks for a candidate hears of its content, and so must be able to read it.
func TestLoadCandidate_IsForItsReader(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	name := filepath.Join(dir, "candidate.yml")
	must(t, os.WriteFile(name, []byte("rule-of-the-house: secret\n"), 0o640))
	const stranger = 54321
	err := LoadCandidate(name, stranger, Sources{}).Locked()
	if err == nil || !strings.Contains(err.Error(), "is not for user 54321 to read") || strings.Contains(err.Error(), "rule-of-the-house") {
		t.Errorf("a file that they cannot read: %v", err)
	}
	must(t, os.Chmod(name, 0o644))
	if err := LoadCandidate(name, stranger, Sources{}).Locked(); err == nil || !strings.Contains(err.Error(), name+":1: rule-of-the-house: is no key") {
		t.Errorf("one that they can: %v", err)
	}
	must(t, os.Chmod(dir, 0o700))
	if err := LoadCandidate(name, stranger, Sources{}).Locked(); err == nil || !strings.Contains(err.Error(), dir+" is not for user 54321 to read") {
		t.Errorf("in a folder that is closed to them: %v", err)
	}
	if err := LoadCandidate(name, os.Geteuid(), Sources{}).Locked(); err == nil || !strings.Contains(err.Error(), "is no key") {
		t.Errorf("its owner: %v", err)
	}
}
