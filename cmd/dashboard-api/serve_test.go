package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// stopping is a server on which one request is running when it is told to stop. The reply is what its client
// gets.
func stopping(t *testing.T, patience time.Duration, finish <-chan struct{}) (reply chan string, stopped chan error, log *pipeLog) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	log = newPipeLog()
	reply, stopped = make(chan string, 1), make(chan error, 1)
	started := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-finish
		io.WriteString(w, "done")
	})
	go func() { stopped <- listen(ctx, zerolog.New(log), address{host: "127.0.0.1"}, handler, patience) }()
	addr := log.await(t, "addr")
	go func() {
		resp, err := http.Get("http://" + addr)
		if err != nil {
			reply <- "cut off"
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		reply <- string(body)
	}()
	<-started
	stop()
	return reply, stopped, log
}

func TestListen_LetsARunningRequestFinish(t *testing.T) {
	finish := make(chan struct{})
	reply, stopped, log := stopping(t, time.Minute, finish)
	log.await(t, "message") // stopping
	close(finish)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := <-reply; got != "done" {
		t.Errorf("reply %q, want done", got)
	}
}

func TestListen_DoesNotWaitForEver(t *testing.T) {
	finish := make(chan struct{})
	reply, stopped, _ := stopping(t, time.Millisecond, finish)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := <-reply; got != "cut off" {
		t.Errorf("reply %q, want none", got)
	}
	close(finish)
}

func TestReachable(t *testing.T) {
	for host, want := range map[string]string{"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "172.17.0.2": "172.17.0.2", "localhost": "localhost"} {
		if got := reachable(host); got != want {
			t.Errorf("reachable(%q) is %q, want %q", host, got, want)
		}
	}
}

// pipeLog hands log lines to a test as they are written.
type pipeLog struct{ lines chan string }

func newPipeLog() *pipeLog { return &pipeLog{make(chan string, 16)} }

func (l *pipeLog) Write(p []byte) (int, error) {
	l.lines <- string(p)
	return len(p), nil
}

// await is the value of the field in the next line that has it.
func (l *pipeLog) await(t *testing.T, field string) string {
	t.Helper()
	for {
		select {
		case line := <-l.lines:
			if _, rest, ok := strings.Cut(line, `"`+field+`":"`); ok {
				value, _, _ := strings.Cut(rest, `"`)
				return value
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no log line with %q", field)
		}
	}
}
