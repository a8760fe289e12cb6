package health_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/catalog/health"
	"dreamserver/compose"
)

func TestProber_AsksAtOnceWhatIsNewOrChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 200, "b": 200}}
		p := health.WithTransport(health.Options{}, s)
		defer run(t, p)()
		p.Set([]health.Target{runs("a")})
		synctest.Wait()
		time.Sleep(time.Second)
		p.Set([]health.Target{runs("a"), runs("b")})
		synctest.Wait()
		wantEqual(t, "asked", []int{1, 1}, []int{s.count("a"), s.count("b")})

		other := runs("a")
		other.Container.ID = "another"
		p.Set([]health.Target{other, runs("b")})
		synctest.Wait()
		wantEqual(t, "asked", []int{2, 1}, []int{s.count("a"), s.count("b")})
	})
}

// A hung probe of the container that was replaced keeps nobody from asking the new one.
func TestProber_GivesAProbeUpWhenTheContainerIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": -1}, takes: time.Second}
		p := health.WithTransport(health.Options{}, s)
		slow := runs("a")
		slow.Timeout = 30 * time.Second
		p.Set([]health.Target{slow})
		defer run(t, p)()
		time.Sleep(time.Second)
		s.set("a", 200)
		other := slow
		other.Container = &compose.Container{ID: "another", Service: "a", State: "running"}
		p.Set([]health.Target{other})
		synctest.Wait()
		wantEqual(t, "while it is asked", health.Verdict{Status: health.Starting, Reason: "its container has just started"}, verdict(p, "a"))
		time.Sleep(1100 * time.Millisecond)
		wantEqual(t, "status", health.Healthy, p.States()["a"].Status)
		if _, overlap := s.peak(); overlap {
			t.Error("two probes of one service at a time")
		}
	})
}

func TestProber_NeverAsksTwiceAtATimeHoweverItIsNudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 200}, takes: 2 * time.Second}
		p := health.WithTransport(health.Options{}, s)
		defer run(t, p)()
		for i := range 1000 { // in 10 s, also while the target comes and goes
			if i%10 == 9 {
				p.Set(nil)
			}
			p.Set([]health.Target{runs("a")})
			p.Nudge("a")
			time.Sleep(10 * time.Millisecond)
		}
		if _, overlap := s.peak(); overlap {
			t.Error("two probes of one service at a time")
		}
		if n := s.count("a"); n < 2 || n > 41 {
			t.Errorf("asked %d times in 10 s, want one each 250 ms at most", n)
		}
	})
}

func TestProber_AsksABoundedNumberAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{}, takes: time.Second}
		var all []health.Target
		for i := range 100 {
			id := fmt.Sprint("s", i)
			s.code[id] = 200
			all = append(all, runs(id))
		}
		p := health.WithTransport(health.Options{Concurrent: 8}, s)
		p.Set(all)
		defer run(t, p)()
		time.Sleep(13500 * time.Millisecond)
		most, _ := s.peak()
		wantEqual(t, "at the same time", 8, most)
		for id, state := range p.States() {
			if state.Status != health.Healthy {
				t.Errorf("%s is %+v", id, state)
			}
		}
	})
}

func TestProber_TellsOfChangesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 200}}
		p := health.WithTransport(health.Options{}, s)
		told := func() (n int) {
			synctest.Wait()
			for {
				select {
				case <-p.Changes():
					n++
				default:
					return n
				}
			}
		}
		defer run(t, p)()
		p.Set([]health.Target{runs("a")})
		wantEqual(t, "a new target that turns out well", 1, told())
		time.Sleep(time.Minute)
		p.Set([]health.Target{runs("a")})
		wantEqual(t, "probes that find the same", 0, told())
		s.set("a", 503)
		time.Sleep(12 * time.Second)
		wantEqual(t, "a probe that finds another", 1, told())
		unhealthy := runs("a")
		unhealthy.Container.Health = "unhealthy"
		p.Set([]health.Target{unhealthy})
		wantEqual(t, "another reason", 1, told())
		p.Set(nil)
		wantEqual(t, "a target that goes", 1, told())
		wantEqual(t, "states", 0, len(p.States()))
	})
}

// What Docker says anew is judged with a fresh probe, not with one that has backed off long ago.
func TestProber_AsksAgainWhenDockersHealthcheckChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 0}}
		p := health.WithTransport(health.Options{}, s)
		sick := runs("a")
		sick.Container.Health = "unhealthy"
		p.Set([]health.Target{sick})
		defer run(t, p)()
		time.Sleep(200 * time.Second)
		s.set("a", 200)
		well := runs("a")
		well.Container.Health = "healthy"
		p.Set([]health.Target{well})
		time.Sleep(time.Second) // it may have been asked in this very moment
		wantEqual(t, "verdict", health.Verdict{Status: health.Healthy}, verdict(p, "a"))
	})
}

type systemd map[string]health.Unit

func (s systemd) Unit(_ context.Context, id string) (health.Unit, error) {
	u, ok := s[id]
	if !ok {
		return u, errors.New("the agent is away")
	}
	return u, nil
}

func TestProber_AsksForProgramsOfTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk := health.Target{ID: "desk", Desired: health.On, OnHost: true}
		lost := health.Target{ID: "lost", Desired: health.On, OnHost: true}
		p := health.New(health.Options{Host: systemd{"desk": {LoadState: "loaded", ActiveState: "active"}}})
		p.Set([]health.Target{desk, lost})
		stop := run(t, p)
		synctest.Wait()
		wantEqual(t, "desk", health.Verdict{Status: health.Healthy}, verdict(p, "desk"))
		wantEqual(t, "lost", health.Verdict{Status: health.Unknown, Reason: "systemd cannot be asked: the agent is away"}, verdict(p, "lost"))
		stop()

		alone := health.New(health.Options{})
		alone.Set([]health.Target{desk})
		defer run(t, alone)()
		synctest.Wait()
		wantEqual(t, "without anybody to ask", health.Verdict{Status: health.Unknown, Reason: "it is a program of the host, and nothing here can ask systemd how it fares"}, verdict(alone, "desk"))
	})
}

func TestProber_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": -1, "b": -1}}
		p := health.WithTransport(health.Options{Concurrent: 1}, s)
		p.Set([]health.Target{runs("a"), runs("b")})
		end := run(t, p)
		time.Sleep(time.Second) // one hangs, one waits for its turn
		before := time.Now()
		end()
		wantEqual(t, "waited", time.Duration(0), time.Since(before))
		p.Set([]health.Target{runs("c")}) // starts nothing any more: the bubble would not end
		p.Nudge("c")
		wantEqual(t, "states", 1, len(p.States()))
		defer func() {
			if recover() == nil {
				t.Error("a second Run does not panic")
			}
		}()
		p.Run(t.Context())
	})
}

// The whole way over a real network: 503 first, then 200.
func TestProber_SeesAServiceRecover(t *testing.T) {
	ready := make(chan bool, 100)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-ready:
			w.WriteHeader(http.StatusOK)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p := health.New(health.Options{Interval: time.Millisecond, MaxInterval: time.Millisecond})
	target := runs("a")
	target.URL = s.URL + "/ready"
	p.Set([]health.Target{target})
	defer run(t, p)()
	until := func(want health.Status) health.State {
		for range p.Changes() {
			if s := p.States()["a"]; s.Status == want {
				return s
			}
		}
		return health.State{}
	}
	sick := until(health.Unhealthy)
	for range cap(ready) {
		ready <- true
	}
	well := until(health.Healthy)
	if sick.Reason != "answers 503 at /ready" || well.Reason != "" || !well.Since.After(sick.Since) || well.ResponseTime <= 0 {
		t.Errorf("got %+v, then %+v", sick, well)
	}
}
