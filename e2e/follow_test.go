package e2e

import (
	"context"
	"io"
	"net/http"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// following is a stream of the API that somebody reads.
type following struct {
	said  *lockedBuffer
	ended chan struct{}
}

// cmdFollow reads a stream beside the script. `follow PATH` begins, `follow -says REGEX` waits until it has said that,
// `follow -ends` until it has ended.
func cmdFollow(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: follow PATH | -says REGEX | -ends")
	}
	switch f := s.following; args[0] {
	case "-says":
		want := regexp.MustCompile(args[1])
		if !within(func() bool { return want.MatchString(f.said.String()) }) {
			ts.Fatalf("the stream never said %s but\n%s", want, f.said)
		}
	case "-ends":
		if !within(func() bool {
			select {
			case <-f.ended:
				return true
			default:
				return false
			}
		}) {
			ts.Fatalf("the stream goes on:\n%s", f.said)
		}
	default:
		s.following = startFollowing(ts, "http://"+s.api.addr+args[0], s.key)
	}
}

func startFollowing(ts *testscript.TestScript, url, key string) *following {
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // whoever reads it closes it
	ts.Check(err)
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		ts.Fatalf("GET %s: %s, Content-Type %s", url, resp.Status, got)
	}
	f := &following{said: &lockedBuffer{}, ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		defer resp.Body.Close()
		_, _ = io.Copy(f.said, resp.Body) // how it ends is in what it says
	}()
	return f
}
