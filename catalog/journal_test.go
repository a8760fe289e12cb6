package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode/utf8"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

func newJournal(t *testing.T) (j *catalog.Journal, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "operations")
	return catalog.NewJournal(dir, -1, -1), dir
}

func begin(t *testing.T, j *catalog.Journal, id, kind string) *catalog.Change {
	t.Helper()
	c, err := j.Begin(id, catalog.Intent{Kind: operation.Kind(kind), Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func unfinished(t *testing.T, j *catalog.Journal) map[string]string {
	t.Helper()
	kinds, err := j.Unfinished()
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

func TestJournal_ListsWhatIsLeft(t *testing.T) {
	j, dir := newJournal(t)
	wantEqual(t, "before", map[string]string{}, unfinished(t, j))
	if _, err := os.Stat(dir); err == nil {
		t.Error("reading made the folder")
	}
	held := begin(t, j, "held", "install")
	begin(t, j, "done", "enable").Done()
	begin(t, j, "cancelled", "enable").Cancel()
	begin(t, j, "left", "disable").Leave()
	wantEqual(t, "unfinished", map[string]string{"left": "disable"}, unfinished(t, j))

	c, err := j.Claim("left")
	if err != nil || c == nil {
		t.Fatalf("claim: %v, %v", c, err)
	}
	wantEqual(t, "kind", "disable", c.Kind)
	wantEqual(t, "while claimed", map[string]string{}, unfinished(t, j))
	c.Done()
	wantEqual(t, "when done", map[string]string{}, unfinished(t, j))
	held.Done()
}

func TestJournal_BusyNamesTheOperationAndTheActor(t *testing.T) {
	j, dir := newJournal(t)
	c := begin(t, j, "notes", "uninstall")
	defer c.Done()
	_, err := catalog.NewJournal(dir, -1, -1).Begin("notes", catalog.Intent{Kind: "start", Actor: "other"})
	want := `extension "notes" is being uninstalled by test: wait until that is done`
	if !problem.HasCode(err, problem.Busy) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if c, err := j.Claim("notes"); c != nil || err != nil {
		t.Errorf("claim of a held change: %v, %v, want nothing", c, err)
	}
	begin(t, j, "other", "start").Done()
}

func TestJournal_CancelBringsBackWhatWaitedBefore(t *testing.T) {
	j, _ := newJournal(t)
	begin(t, j, "notes", "uninstall").Leave()
	begin(t, j, "notes", "install").Cancel()
	wantEqual(t, "unfinished", map[string]string{"notes": "uninstall"}, unfinished(t, j))
	begin(t, j, "notes", "stop").Done()
	wantEqual(t, "unfinished", map[string]string{}, unfinished(t, j))
}

// A reader has the lock for a moment; whoever wants to change something at that moment must not be refused.
func TestJournal_ReadersRefuseNobody(t *testing.T) {
	j, _ := newJournal(t)
	begin(t, j, "notes", "install").Leave()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = j.Unfinished()
				}
			}
		})
	}
	for range 200 {
		begin(t, j, "notes", "enable").Leave()
	}
	close(stop)
	readers.Wait()
}

func TestJournal_LockOfADeadProcessIsFree(t *testing.T) {
	in := newInstallation(t)
	cmd, _, out := in.process(jobHold)
	if !out.Scan() || out.Text() != "begun" {
		t.Fatalf("the other process says %q", out.Text())
	}
	j := catalog.NewJournal(in.settings.OperationsDir, -1, -1)
	_, err := j.Begin("notes", catalog.Intent{Kind: "enable", Actor: "test"})
	in.wantRefusal(err, problem.Busy, `extension "notes" is being installed by helper: wait until that is done, or end it with `+"`dream stop notes`")
	wantEqual(t, "while it lives", map[string]string{}, unfinished(t, j))

	in.must(cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	wantEqual(t, "when it is dead", map[string]string{"notes": "install"}, unfinished(t, j))
	begin(t, j, "notes", "enable").Done()
}

// The API's container can write the folder.
func TestJournal_PlantedFilesDoNoHarm(t *testing.T) {
	tests := []struct {
		name  string
		plant func(pending string) error
		begin string // error of Begin; empty when it works
		want  map[string]string
	}{
		{
			name: "link to a secret",
			plant: func(p string) error {
				return os.Symlink(filepath.Join(p, "..", "..", "secret"), filepath.Join(p, "notes"))
			},
			begin: `extension "notes": $DIR/pending/notes is no record of a change but a folder, a link or a special file (L---------): remove it`,
		},
		{
			name:  "link to nothing",
			plant: func(p string) error { return os.Symlink("../made", filepath.Join(p, "notes")) },
			begin: `extension "notes": $DIR/pending/notes is no record of a change but a folder, a link or a special file (L---------): remove it`,
		},
		{
			name:  "FIFO",
			plant: func(p string) error { return syscall.Mkfifo(filepath.Join(p, "notes"), 0o666) },
			begin: `extension "notes": $DIR/pending/notes is no record of a change but a folder, a link or a special file (p---------): remove it`,
		},
		{
			name:  "folder",
			plant: func(p string) error { return os.Mkdir(filepath.Join(p, "notes"), 0o755) },
			begin: `extension "notes": $DIR/pending/notes is no record of a change but a folder, a link or a special file (d---------): remove it`,
		},
		{
			name: "pending itself is a FIFO",
			plant: func(p string) error {
				return firstError(os.Remove(p), syscall.Mkfifo(p, 0o666))
			},
			begin: "openat pending/notes: not a directory",
		},
		{name: "no record of ours", plant: write("notes", "\xff{"), want: map[string]string{"notes": "change"}},
		{name: "an unknown kind", plant: write("notes", `{"kind":"<script>"}`), want: map[string]string{"notes": "change"}},
		{name: "the end of a longer record", plant: write("notes", `{"kind":"stop"}rest"}`), want: map[string]string{"notes": "stop"}},
		{name: "an empty record", plant: write("notes", ""), want: map[string]string{}},
		{name: "a record without end", plant: write("notes", `{"kind":"`+string(make([]byte, 1<<20))), want: map[string]string{"notes": "change"}},
		{name: "no id", plant: write("Notes", `{"kind":"stop"}`), want: map[string]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, dir := newJournal(t)
			begin(t, j, "first", "enable").Done()
			pending := filepath.Join(dir, "pending")
			secret := filepath.Join(dir, "..", "secret")
			if err := firstError(os.WriteFile(secret, []byte("kept"), 0o600), tt.plant(pending)); err != nil {
				t.Fatal(err)
			}
			got, err := j.Unfinished()
			if tt.want != nil {
				wantEqual(t, "unfinished", tt.want, got)
			} else if len(got) > 0 {
				t.Errorf("unfinished: %v, %v", got, err)
			}
			c, err := j.Begin("notes", catalog.Intent{Kind: "start", Actor: "test"})
			if got := anonymous(err, dir); got != tt.begin {
				t.Errorf("begin\ngot:  %s\nwant: %s", got, tt.begin)
			}
			if err == nil {
				c.Done()
			}
			if data, err := os.ReadFile(secret); string(data) != "kept" {
				t.Errorf("the secret is %q, %v", data, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "made")); err == nil {
				t.Error("a file was made through the link")
			}
		})
	}
}

func write(name, text string) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666) }
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// The API's container can write what it likes into the journal, too. Nothing of it is taken for a change of another kind,
// and what names no operation is not shown as one.
func FuzzJournalRecord(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"install","actor":"cli:alice","operation":"01890a5d-ac96-774b-bcce-b302099a8057","started":"2026-01-01T00:00:00Z","grants":["gpu"]}`,
		`{"kind":"install"}{"kind":"stop"}`, `{"kind":"nonsense","actor":"\xff"}`, `{"operation":"../../etc/passwd"}`, `{"operation":"` + strings.Repeat("x", 5000) + `"}`,
		`null`, `[]`, `{`, "\x00", `{"grants":[1]}`, `{"started":"never"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j, dir := newJournal(t)
		begin(t, j, "notes", "install").Leave()
		name := filepath.Join(dir, "pending", "notes")
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		unfinished(t, j)
		held, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		busy := j.Busy("notes")
		held.Close()
		if !problem.HasCode(busy, problem.Busy) || len(busy.Error()) > 10_000 || !utf8.ValidString(busy.Error()) {
			t.Errorf("busy: %v", busy)
		}
		c, err := j.Claim("notes")
		if err != nil || (c == nil) != (len(data) == 0) {
			t.Fatalf("claimed %v, %v", c, err)
		}
		if c == nil {
			return
		}
		defer c.Done()
		if c.Kind != "change" && c.Kind.Participle() == "" {
			t.Errorf("a change of the kind %q", c.Kind)
		}
		if !operation.ValidID(c.Operation) && strings.Contains(busy.Error(), ", operation") {
			t.Errorf("%v", busy)
		}
	})
}
