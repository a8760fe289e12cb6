package health_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dreamserver/catalog/health"
)

// services answer for whole networks, without one: by id, with a status code; 0 refuses the connection, -1 hangs.
type services struct {
	mu      sync.Mutex
	code    map[string]int
	asked   map[string][]time.Time
	busy    map[string]int
	most    int // probes at the same time
	overlap bool
	takes   time.Duration
}

func (s *services) RoundTrip(r *http.Request) (*http.Response, error) {
	id := r.URL.Hostname()
	s.mu.Lock()
	if s.asked == nil {
		s.asked, s.busy = map[string][]time.Time{}, map[string]int{}
	}
	s.asked[id] = append(s.asked[id], time.Now())
	s.busy[id]++
	s.overlap = s.overlap || s.busy[id] > 1
	all := 0
	for _, n := range s.busy {
		all += n
	}
	s.most = max(s.most, all)
	code := s.code[id]
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy[id]--
		s.mu.Unlock()
	}()
	takes := s.takes
	if code < 0 {
		takes = time.Hour
	}
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if code == 0 {
		return nil, fmt.Errorf("dial: %w", syscall.ECONNREFUSED)
	}
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func (s *services) set(id string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code[id] = code
}

// when is when the service was asked.
func (s *services) when(id string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked[id])
}

// peak is how many probes there were at the same time, at most, and whether two of them were of one service.
func (s *services) peak() (most int, overlap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most, s.overlap
}

// times are when the service was asked, in seconds since start, rounded.
func (s *services) times(id string, start time.Time) []int {
	var out []int
	for _, at := range s.when(id) {
		out = append(out, int(at.Sub(start).Round(time.Second).Seconds()))
	}
	return out
}

func (s *services) count(id string) int { return len(s.when(id)) }

// run starts the prober in a bubble, and returns how to end it.
func run(t *testing.T, p *health.Prober) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	return func() { cancel(); <-done }
}

func verdict(p *health.Prober, id string) health.Verdict {
	s := p.States()[id]
	return health.Verdict{Status: s.Status, Reason: s.Reason}
}
