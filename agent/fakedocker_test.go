package agent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"dreamserver/compose"
)

// fakeDocker is what the fake docker command, which is this test binary started again, and the fake engine in the

// test share: a folder with a file of state. Whoever uses the file holds its lock.
type fakeDocker struct {
	t   *testing.T
	dir string
}

// dockerState is the content of the file.
type dockerState struct {
	Calls      []string // argument lists, without what every call has
	Given      []string // all arguments and the whole environment of every call
	Containers []fakeContainer
	Missing    []string // images that the engine lacks until they are pulled
	Made       int      // containers ever made: the next id
	Rebuilt    int      // how often the images were built anew: part of their ids

	// What becomes of a service's container when it is started; running when it is not named.
	Becomes map[string]compose.Container
	// Verbs that fail, and what compose says.
	Fails map[string]string
	// What every call prints on its way: a line of progress.
	Says string
	// Verbs that wait, when half done, until they are told to go on or are ended.
	Waits map[string]bool
}

type fakeContainer struct {
	compose.Container
	Config   string // of its service: another one makes a new container
	MadeFrom string // id of the image, the same
	Mounted  []string
	Written  []string // those of them that are not read-only
}

// imageID is the id of an image that the engine has.
func (s *dockerState) imageID(ref string) string { return fmt.Sprintf("sha256:%s-%d", ref, s.Rebuilt) }

const dockerVariable = "FAKE_DOCKER"

func newFakeDocker(t *testing.T) *fakeDocker {
	t.Helper()
	d := &fakeDocker{t: t, dir: shortDir(t)}
	for _, name := range []string{"entered", "release"} {
		if err := syscall.Mkfifo(filepath.Join(d.dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.update(func(*dockerState) {})
	return d
}

// shortDir is a folder whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // t.TempDir has the test's name in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// env makes the test binary the fake docker. Under the race detector a program sleeps for a second when it ends,
// unless it is told not to.
func (d *fakeDocker) env() []string {
	return []string{dockerVariable + "=" + d.dir, "GORACE=atexit_sleep_ms=0"}
}

func (d *fakeDocker) update(change func(*dockerState)) {
	if err := updateDocker(d.dir, change); err != nil {
		d.t.Error(err)
	}
}

func (d *fakeDocker) state() dockerState {
	var s dockerState
	d.update(func(now *dockerState) { s = *now })
	return s
}

// calls are the calls so far. They are forgotten.
func (d *fakeDocker) calls() []string {
	var calls []string
	d.update(func(s *dockerState) { calls, s.Calls = s.Calls, nil })
	return calls
}

// becomes says what happens to the service's container when it is started.
func (d *fakeDocker) becomes(service string, c compose.Container) {
	d.update(func(s *dockerState) { s.Becomes[service] = c })
}

// services lists the containers: service and state.
func (d *fakeDocker) services() map[string]string {
	got := map[string]string{}
	for _, c := range d.state().Containers {
		got[c.Service] = c.State
	}
	return got
}

// entered waits until a verb that waits is half done.
func (d *fakeDocker) entered() {
	d.t.Helper()
	if _, err := os.ReadFile(filepath.Join(d.dir, "entered")); err != nil {
		d.t.Fatal(err)
	}
}

// release lets it go on.
func (d *fakeDocker) release() {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "release"), nil, 0); err != nil {
		d.t.Fatal(err)
	}
}

func updateDocker(dir string, change func(*dockerState)) error {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	s := dockerState{Becomes: map[string]compose.Container{}, Fails: map[string]string{}, Waits: map[string]bool{}}
	file := filepath.Join(dir, "state.json")
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &s) //nolint:musttag // only this file reads it
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	change(&s)
	if data, err = json.Marshal(s); err != nil { //nolint:musttag // only this file writes it
		return err
	}
	return os.WriteFile(file, data, 0o600)
}
