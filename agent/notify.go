package agent

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// notify tells the service manager what state the agent is in; see sd_notify(3). Without one nobody is told.
func (s *Server) notify(state string) {
	if s.opts.Notify != nil {
		s.opts.Notify(state)
	}
}

func (s *Server) notifyReady(addr string) {
	at := s.opts.Settings.AgentSocket
	if addr != "" {
		at += " and " + addr
	}
	s.notify("READY=1\nSTATUS=Listening at " + at)
}

// notifyStopping asks for as much time as the settings let running work have: the manager would kill it otherwise.
func (s *Server) notifyStopping() {
	limit := s.opts.Settings.StopTimeout + rollbackWait
	s.notify(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d\nSTATUS=Waiting for running work", limit.Microseconds()))
}

// watch tells the service manager again and again that the agent lives, until stop is called, which waits. The
// manager restarts one that says nothing for too long.
func (s *Server) watch() (stop func()) {
	if s.opts.WatchdogEvery == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(s.opts.WatchdogEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.live(ctx)
				s.notify("WATCHDOG=1")
			}
		}
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// live returns when the agent works in itself, and not before: a request gets through its handlers, and the locks
// that every change takes for a moment are free. That Docker is away is no reason to be restarted, and neither are
// clients who hold all connections: the request is made inside.
func (s *Server) live(ctx context.Context) {
	if r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/health", http.NoBody); err == nil {
		s.Handler().ServeHTTP(nowhere{}, r)
	}
	for _, l := range []sync.Locker{&s.busy.mu, &s.fails.mu, &s.locks.mu, &s.copies.mu} {
		l.Lock()
		l.Unlock() //nolint:staticcheck // that it can be had is all that is asked
	}
}

// nowhere is where a reply goes that nobody reads.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
