package main

import (
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
)

// At a terminal there is one line, as wide as that at most, and it is gone in the end.
func TestInstall_ShowsABarAtATerminal(t *testing.T) {
	for _, tt := range []struct {
		columns uint16
		shows   string
	}{
		{100, `hello: pull \d+s +\[=+>-+\] +40 %, 4MB of 10MB`},
		{24, `hello: pull \d+s +\S.*…`},
	} {
		shown, out := installAt(t, tt.columns, regexp.MustCompile(tt.shows))
		for line := range strings.SplitSeq(shown, "\n") {
			text := regexp.MustCompile(`\x1b\[[0-9]*[A-Z]`).ReplaceAllString(strings.TrimSuffix(line, "\r"), "")
			if n := len([]rune(text)); n > int(tt.columns) {
				t.Errorf("%d columns, and a line of %d: %q", tt.columns, n, text)
			}
		}
		if !strings.HasSuffix(shown, "\x1b[1A\x1b[J") {
			t.Errorf("something is left on the screen: %q", shown)
		}
		if out != "Hello is installed and running.\n" {
			t.Errorf("stdout is %q", out)
		}
	}
}

func TestInstall_SaysAboveTheBarThatItIsInterrupted(t *testing.T) {
	screen, drawn := watchTerminal(t, 100)
	f := &fakeAgent{hangs: newHangs()}
	d := newDesk(t, f)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		<-f.hangs.begun
		interrupt()
	}()
	code := d.runOn(ctx, io.Discard, screen.File, "install", "hello")
	screen.Close()
	shown := <-drawn
	if !strings.Contains(shown, "dream: interrupted: undoing what was begun; Ctrl-C again leaves at once") || code != exitInterrupted {
		t.Errorf("exit code %d, shown %q", code, shown)
	}
	if !strings.HasSuffix(shown, "\x1b[1A\x1b[Jdream: the install of hello was cancelled: nothing of it stays but images that were fetched whole\r\n") {
		t.Errorf("what became of it is not alone: %q", shown)
	}
}

// installAt installs something with stderr at a terminal. The start ends when that shows a match of until. It returns what was drawn,
// and what stdout has.
func installAt(t *testing.T, columns uint16, until *regexp.Regexp) (shown, out string) {
	t.Helper()
	screen, drawn := watchTerminal(t, columns)
	d := newDesk(t, &fakeAgent{
		start: func(id string) (catalog.Report, error) {
			screen.await(until)
			return catalog.Report{ID: id}, nil
		},
		steps: []operation.Progress{
			{Stage: "pull", Event: &compose.Event{ID: "aaa", Parent: "Image example/hello:1", Text: "Downloading", Current: 4e6, Total: 1e7}},
		},
	})
	var stdout strings.Builder
	if code := d.runOn(t.Context(), &stdout, screen.File, "install", "hello"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	screen.Close()
	return <-drawn, stdout.String()
}

// watchedScreen is a terminal that somebody looks at.
type watchedScreen struct {
	*os.File
	mu    sync.Mutex
	shown []byte
	more  *sync.Cond
}

// await waits until the terminal has shown a match.
func (w *watchedScreen) await(match *regexp.Regexp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !match.Match(w.shown) {
		w.more.Wait()
	}
}

// watchTerminal makes a terminal; drawn has all that was shown once nobody has it open any more.
func watchTerminal(t *testing.T, columns uint16) (screen *watchedScreen, drawn <-chan string) {
	t.Helper()
	keyboard, file := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(file.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	w := &watchedScreen{File: file}
	w.more = sync.NewCond(&w.mu)
	all := make(chan string, 1)
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := keyboard.Read(b)
			w.mu.Lock()
			w.shown = append(w.shown, b[:n]...)
			w.more.Broadcast()
			w.mu.Unlock()
			if err != nil {
				all <- string(w.shown)
				return
			}
		}
	}()
	return w, all
}
