package health_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dreamserver/catalog/health"
	"dreamserver/compose"
)

// event is one thing that happens to the services a and b.
type event struct {
	ID     string
	Do     string // container, code, nudge, away, go
	Word   string
	Code   int
	Passes time.Duration
}

func events() *rapid.Generator[[]event] {
	one := rapid.Custom(func(t *rapid.T) event {
		return event{
			ID:     rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
			Do:     rapid.SampledFrom([]string{"container", "health", "code", "nudge", "away", "go"}).Draw(t, "do"),
			Word:   rapid.SampledFrom([]string{"", "running", "exited", "restarting", "healthy", "starting", "unhealthy"}).Draw(t, "word"),
			Code:   rapid.SampledFrom([]int{0, -1, 200, 401, 404, 503}).Draw(t, "code"),
			Passes: time.Duration(rapid.IntRange(0, 90_000).Draw(t, "ms")) * time.Millisecond,
		}
	})
	return rapid.SliceOfN(one, 1, 30)
}

// Whatever happens in whatever order: Since is when the status became what it is, and moves with nothing else.
func TestSince_MovesWithTheStatusAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		what := events().Draw(rt, "events")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = live(t, what) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// live lets the events happen, and looks at each change.
func live(t *testing.T, what []event) (wrong string) {
	s := &services{code: map[string]int{"a": 200, "b": 0}, takes: 10 * time.Millisecond}
	p := health.WithTransport(health.Options{}, s)
	targets := map[string]health.Target{"a": runs("a"), "b": runs("b")}
	set := func() {
		var all []health.Target
		for _, target := range targets {
			if target.ID != "" {
				all = append(all, target)
			}
		}
		p.Set(all)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := map[string]health.State{}
	look := func() {
		now := p.States()
		for id, state := range now {
			before, known := seen[id]
			switch {
			case known && before.Status == state.Status && !before.Since.Equal(state.Since):
				wrong = fmt.Sprintf("%s stays %s, and its Since moves from %s to %s", id, state.Status, before.Since, state.Since)
			case known && before.Status != state.Status && !state.Since.Equal(time.Now()), state.Since.After(time.Now()), state.Since.IsZero():
				wrong = fmt.Sprintf("%s is %s since %s, at %s", id, state.Status, state.Since, time.Now())
			case (state.Status == health.Healthy) != (state.Reason == ""):
				wrong = fmt.Sprintf("%s is %s because %q", id, state.Status, state.Reason)
			}
		}
		seen = now
	}
	set()
	look()
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	for _, e := range what {
		target := targets[e.ID]
		switch e.Do {
		case "container", "health":
			c := compose.Container{ID: "c", Service: e.ID, State: "running", ExitCode: 1}
			if e.Do == "health" {
				c.Health = e.Word
			} else if e.Word != "" {
				c.ID, c.State = e.Word, e.Word
			}
			target = runs(e.ID)
			target.Container = &c
			targets[e.ID] = target
		case "code":
			s.set(e.ID, e.Code)
		case "nudge":
			p.Nudge(e.ID)
		case "away":
			target.Known = !target.Known
			targets[e.ID] = target
		case "go":
			delete(seen, e.ID)
			targets[e.ID] = health.Target{}
		}
		set()
		look()
		// The bubble's time goes on from one change to the next, so that each is looked at when it happens. The
		// microsecond keeps an event out of the moment in which a probe ends that an earlier event began: of two
		// changes in one moment, only the second could be seen.
		for end := time.After(e.Passes + time.Microsecond); ; {
			select {
			case <-p.Changes():
				look()
				continue
			case <-end:
			}
			break
		}
		if wrong != "" {
			break
		}
	}
	cancel()
	<-ended
	return wrong
}

// How long a service is what it is, and when it is asked again, hangs on time that nobody sets.
func TestSince_IsMonotonic(t *testing.T) {
	p := health.WithTransport(health.Options{}, &services{code: map[string]int{"a": 200}})
	p.Set([]health.Target{runs("a")})
	if since := p.States()["a"].Since; !strings.Contains(since.String(), " m=+") {
		t.Errorf("%s is a time of day", since)
	}
}
