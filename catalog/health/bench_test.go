package health_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dreamserver/catalog/health"
)

const manyTargets = 500

// BenchmarkProber500 compares a probe by the prober, from the new target to its state, with a bare GET of the same
// server by as many at a time, in the same run. x-bare is how many times the CPU time of a bare GET a probe costs;
// the server's own part, in the same process, is in both.
func BenchmarkProber500(b *testing.B) {
	var asked atomic.Int64
	round := make(chan struct{}, 1) // gets a value when every target was asked once more
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"status":"ok"}`)
		if asked.Add(1)%manyTargets == 0 {
			round <- struct{}{}
		}
	}))
	defer s.Close()
	var targets []health.Target
	for i := range manyTargets {
		id := fmt.Sprint("s", i)
		t := runs(id)
		t.URL, t.Timeout = s.URL+"/"+id, time.Minute
		targets = append(targets, t)
	}
	bare := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var prober, client time.Duration
	for b.Loop() {
		client += cpu(b, func() { bareRound(b, bare, targets); <-round })
		prober += cpu(b, func() { proberRound(b, targets, round) })
	}
	probes := float64(b.N) * manyTargets
	b.ReportMetric(float64(prober.Microseconds())/probes, "cpu-us/probe")
	b.ReportMetric(float64(client.Microseconds())/probes, "cpu-us/bare")
	b.ReportMetric(float64(prober)/float64(client), "x-bare")
	b.ReportMetric(0, "ns/op") // of both together, which says nothing
}

func bareRound(b *testing.B, c *http.Client, targets []health.Target) {
	slots := make(chan struct{}, 64)
	var group sync.WaitGroup
	for _, t := range targets {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			resp, err := c.Get(t.URL)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	group.Wait()
}

func proberRound(b *testing.B, targets []health.Target, round <-chan struct{}) {
	p := health.New(health.Options{})
	p.Set(targets)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	<-round // from here on the last answers come in
	for range p.Changes() {
		healthy := 0
		for _, s := range p.States() {
			if s.Status == health.Healthy {
				healthy++
			}
		}
		if healthy == len(targets) {
			break
		}
	}
	cancel()
	<-ended
}

// cpu is the processor time, of this process, that f takes.
func cpu(b *testing.B, f func()) time.Duration {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}
