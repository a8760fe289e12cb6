package health_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/catalog/health"
)

func TestProber_AsksAgainEveryTenSecondsMoreOrLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 200, "b": 200}}
		p := health.WithTransport(health.Options{}, s)
		p.Set([]health.Target{runs("a"), runs("b")})
		defer run(t, p)()
		time.Sleep(10 * time.Minute)
		var gaps []time.Duration
		for _, id := range []string{"a", "b"} {
			when := s.when(id)
			for i, at := range when[1:] {
				gaps = append(gaps, at.Sub(when[i]))
			}
		}
		if low, high := slices.Min(gaps), slices.Max(gaps); low < 9*time.Second || high > 11*time.Second || high-low < 500*time.Millisecond {
			t.Errorf("pauses from %s to %s", low, high)
		}
		if slices.Equal(s.when("a"), s.when("b")) {
			t.Error("two services are always asked in the same moment")
		}
	})
}

func TestPause(t *testing.T) {
	o := health.Options{Interval: 10 * time.Second, MaxInterval: time.Minute}
	tests := []struct {
		starting bool
		bad      int
		rand     float64
		want     time.Duration
	}{
		{rand: 0.5, want: 10 * time.Second},
		{rand: 0, want: 9 * time.Second},
		{rand: 1, want: 11 * time.Second},
		{starting: true, rand: 0.5, want: 2 * time.Second},
		{bad: 1, rand: 0.5, want: 10 * time.Second},
		{bad: 2, rand: 0.5, want: 20 * time.Second},
		{bad: 3, rand: 0.5, want: 40 * time.Second},
		{bad: 4, rand: 0.5, want: time.Minute},
		{bad: 1 << 40, rand: 0.5, want: time.Minute},
	}
	for _, tt := range tests {
		wantEqual(t, fmt.Sprintf("%+v", tt), tt.want, health.Pause(&o, tt.starting, tt.bad, tt.rand).Round(time.Millisecond))
	}
}

func TestProber_AsksLessOftenWhileItIsDownAndComesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 503}}
		p := health.WithTransport(health.Options{}, s)
		p.Set([]health.Target{runs("a")})
		defer run(t, p)()
		start := time.Now()
		time.Sleep(300 * time.Second)
		if n := s.count("a"); n < 7 || n > 9 { // 0, 10, 30, 70, 130, 190, 250, each more or less
			t.Errorf("asked %d times, at %v", n, s.times("a", start))
		}
		wantEqual(t, "state", health.State{Status: health.Unhealthy, Since: start, Reason: "answers 503 at /health", Checked: p.States()["a"].Checked}, p.States()["a"])

		if time.Since(p.States()["a"].Checked) < time.Second { // two questions have a gap
			time.Sleep(time.Second)
		}
		s.set("a", 200)
		p.Nudge("a")
		p.Nudge("nobody")
		synctest.Wait()
		now := p.States()["a"]
		wantEqual(t, "state", health.State{Status: health.Healthy, Since: time.Now(), Checked: time.Now()}, now)
		before := s.count("a")
		time.Sleep(12 * time.Second)
		wantEqual(t, "asked after the interval of a healthy service", before+1, s.count("a"))
	})
}
