package main

import (
	"regexp"
	"strings"
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

// installAt installs something with stderr at a terminal. The start ends when that shows a match of until. It returns what was drawn,
// and what stdout has.
func installAt(t *testing.T, columns uint16, until *regexp.Regexp) (shown, out string) {
	t.Helper()
	keyboard, screen := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	seen, drawn := make(chan struct{}), make(chan string)
	go func() {
		var all []byte
		waits := true
		for b := make([]byte, 4096); ; {
			n, err := keyboard.Read(b)
			if all = append(all, b[:n]...); waits && until.Match(all) {
				waits = false
				close(seen)
			}
			if err != nil { // nobody has the screen open any more
				drawn <- string(all)
				return
			}
		}
	}()
	d := newDesk(t, &fakeAgent{
		start: func(id string) (catalog.Report, error) {
			<-seen
			return catalog.Report{ID: id}, nil
		},
		steps: []operation.Progress{
			{Stage: "pull", Event: &compose.Event{ID: "aaa", Parent: "Image example/hello:1", Text: "Downloading", Current: 4e6, Total: 1e7}},
		},
	})
	var stdout strings.Builder
	if code := d.runOn(t.Context(), &stdout, screen, "install", "hello"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	screen.Close()
	return <-drawn, stdout.String()
}
