package health_test

import (
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/catalog/health"
	"dreamserver/compose"
)

func TestProber_WaitsForAYoungContainer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 0}}
		p := health.WithTransport(health.Options{}, s)
		young := runs("a")
		young.Container.StartedAt = time.Now()
		p.Set([]health.Target{young})
		defer run(t, p)()
		time.Sleep(30 * time.Second)
		wantEqual(t, "at first", health.Verdict{Status: health.Starting, Reason: "its container has just started: connection refused at a:80"}, verdict(p, "a"))
		if n := s.count("a"); n < 13 {
			t.Errorf("asked %d times in 30 s, want each 2 s", n)
		}
		time.Sleep(time.Minute)
		wantEqual(t, "after the grace period", health.Verdict{Status: health.Down, Reason: "connection refused at a:80"}, verdict(p, "a"))

		s.set("a", 200)
		young.Container = &compose.Container{ID: "again", Service: "a", State: "running", StartedAt: time.Now()}
		p.Set([]health.Target{young})
		time.Sleep(time.Second) // it may have been asked in this very moment
		wantEqual(t, "again", health.Healthy, p.States()["a"].Status)
		s.set("a", 0)
		time.Sleep(12 * time.Second)
		wantEqual(t, "after it has answered", health.Down, p.States()["a"].Status)
	})
}

// Without Docker's word for it, a start counts that was seen.
func TestProber_SeesAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &services{code: map[string]int{"a": 0, "b": 0}}
		p := health.WithTransport(health.Options{}, s)
		missing := runs("a")
		missing.Container = nil
		p.Set([]health.Target{missing, runs("b")})
		defer run(t, p)()
		synctest.Wait()
		wantEqual(t, "asked without a container", 0, s.count("a"))
		wantEqual(t, "without a container", health.NotDeployed, p.States()["a"].Status)
		p.Set([]health.Target{runs("a"), runs("b")})
		synctest.Wait()
		wantEqual(t, "seen to start", health.Starting, p.States()["a"].Status)
		wantEqual(t, "of unknown age", health.Down, p.States()["b"].Status)
	})
}

// A clock that is set back makes no old container young.
func TestProber_DoesNotTrustAStartInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := health.WithTransport(health.Options{}, &services{code: map[string]int{"a": 0}})
		target := runs("a")
		target.Container.StartedAt = time.Now().Add(time.Hour)
		p.Set([]health.Target{target})
		defer run(t, p)()
		synctest.Wait()
		wantEqual(t, "status", health.Down, p.States()["a"].Status)
	})
}
