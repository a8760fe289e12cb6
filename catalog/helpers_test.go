package catalog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

func TestMain(m *testing.M) {
	if job := os.Getenv("CATALOG_TEST_JOB"); job != "" {
		os.Exit(helper(job))
	}
	goleak.VerifyTestMain(m)
}

// installation is a manager on a temporary directory. Only the host agent is a fake.
type installation struct {
	t        *testing.T
	dir      string
	settings config.Settings
	agent    *fakeAgent
	log      *logBuffer
	heard    []string // news
	*catalog.Manager
}

// newInstallation lays out an installation with one core service and the given files.
func newInstallation(t *testing.T, files ...string) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir(), agent: &fakeAgent{}, log: &logBuffer{}}
	in.add(core("dashboard"))
	in.add(files...)
	in.settings = settings(t, in.dir)
	in.Manager = in.manager("test")
	return in
}

// manager is another manager on the same files, as another process has.
func (in *installation) manager(actor string) *catalog.Manager {
	return catalog.New(catalog.Options{
		Settings: in.settings, Agent: in.agent, Version: "2.1.0", Actor: actor, Rate: true, Log: zerolog.New(in.log),
	})
}

func settings(t testing.TB, dir string, env ...string) config.Settings {
	t.Helper()
	vars := map[string]string{"DREAM_INSTALL_DIR": dir}
	for _, e := range env {
		key, value, _ := strings.Cut(e, "=")
		vars[key] = value
	}
	s, err := config.Load(func(key string) string { return vars[key] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// add writes txtar archives below the installation.
func (in *installation) add(files ...string) {
	in.t.Helper()
	for _, f := range files {
		for _, file := range txtar.Parse([]byte(f)).Files {
			in.must(os.MkdirAll(filepath.Dir(in.path(file.Name)), 0o755))
			in.must(os.WriteFile(in.path(file.Name), file.Data, 0o644))
		}
	}
}

func (in *installation) path(name string) string { return filepath.Join(in.dir, name) }

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// do runs a command line: install notes, enable --with-dependencies notes.
func (in *installation) do(command string) (catalog.Result, error) {
	in.t.Helper()
	verb, id, _ := strings.Cut(command, " ")
	switch ctx := in.t.Context(); verb {
	case "install":
		return in.Install(ctx, id, catalog.Given{})
	case "enable":
		id, with := strings.CutPrefix(id, "--with-dependencies ")
		return in.Enable(ctx, id, with)
	case "disable":
		return in.Disable(ctx, id)
	case "uninstall":
		return in.Uninstall(ctx, id, false)
	case "start":
		return in.Start(ctx, id)
	case "stop":
		return in.Stop(ctx, id)
	case "restart":
		return in.Restart(ctx, id)
	case "logs":
		_, err := in.Logs(ctx, id, 10)
		return catalog.Result{}, err
	}
	in.t.Fatalf("no command %q", command)
	return catalog.Result{}, nil
}

// mustDo is do where nothing may go wrong.
func (in *installation) mustDo(commands ...string) {
	in.t.Helper()
	for _, c := range commands {
		if _, err := in.do(c); err != nil {
			in.t.Fatalf("%s: %v", c, err)
		}
	}
}

// disk is every file below a folder of the installation with its content, links and special files by their kind.
// The lock file is no part of the state, and neither is what is told of changes.
func (in *installation) disk(folder string) map[string]string {
	in.t.Helper()
	files := map[string]string{}
	root := in.path(folder)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".lock" || strings.Contains(path, "data/operations/") && strings.HasSuffix(path, ".json") {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if !d.Type().IsRegular() {
			files[name] = d.Type().String()
			return nil
		}
		data, err := os.ReadFile(path)
		if info, statErr := d.Info(); statErr == nil && info.Mode()&0o111 != 0 {
			name += "*"
		}
		if len(data) > 1<<20 {
			data = []byte("large")
		}
		files[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		in.t.Fatal(err)
	}
	return files
}

// pending lists the changes that wait for the agent.
func (in *installation) pending() map[string]string {
	in.t.Helper()
	kinds, err := catalog.NewJournal(in.settings.OperationsDir, -1, -1).Unfinished()
	in.must(err)
	return kinds
}

// wantRefusal checks code and text. $INSTALL stands for the installation's folder.
func (in *installation) wantRefusal(err error, code problem.Code, text string) {
	in.t.Helper()
	if !problem.HasCode(err, code) {
		in.t.Errorf("got %v (%s), want code %s", err, problem.As(err).Code, code)
		return
	}
	if got := in.anonymous(err.Error()); got != text {
		in.t.Errorf("got:  %s\nwant: %s", got, text)
	}
}

func (in *installation) anonymous(text string) string {
	return strings.ReplaceAll(text, in.dir, "$INSTALL")
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

func wantEqual[T any](t tester, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func chmod(name string, mode uint32) error { return syscall.Chmod(name, mode) }

func modeOf(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().String()
}

func ownerOf(t *testing.T, name string) string {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d", st.Uid, st.Gid)
}

func mkfifo(name string) error { return syscall.Mkfifo(name, 0o666) }

func (in *installation) write(name string, data []byte) {
	in.t.Helper()
	in.must(os.MkdirAll(filepath.Dir(in.path(name)), 0o755))
	in.must(os.WriteFile(in.path(name), data, 0o644))
}

// anonymous is the text of an error with $DIR for the folder.
func anonymous(err error, dir string) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), dir, "$DIR")
}
