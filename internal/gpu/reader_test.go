package gpu_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/internal/gpu"
)

func named(name string) gpu.Facts {
	return gpu.Facts{Devices: []gpu.Device{{Name: name}}, At: time.Now()}
}

func nameOf(f gpu.Facts) string {
	if len(f.Devices) == 0 {
		return ""
	}
	return f.Devices[0].Name
}

func TestReader_LooksOnceForAllWhoAskWithinThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks, running atomic.Int32
		r := gpu.NewReaderOf(func(context.Context) gpu.Facts {
			looks.Add(1)
			if running.Add(1) > 1 {
				t.Error("two at a time")
			}
			defer running.Add(-1)
			time.Sleep(time.Second)
			return named("a")
		}, time.Now)
		defer r.Close()
		ask := func() {
			var g sync.WaitGroup
			for range 50 {
				g.Go(func() {
					if got := nameOf(r.Read(t.Context())); got != "a" {
						t.Errorf("got %q", got)
					}
				})
			}
			g.Wait()
		}
		ask()
		time.Sleep(gpu.Fresh - time.Nanosecond)
		ask()
		if got := looks.Load(); got != 1 {
			t.Errorf("%d looks within three seconds", got)
		}
		time.Sleep(time.Nanosecond)
		ask()
		if got := looks.Load(); got != 2 {
			t.Errorf("%d looks after three seconds", got)
		}
	})
}

// Whoever cannot wait gets what was known, and the look goes on for the next one.
func TestReader_AnswersWithWhatItKnowsWhileADriverWakesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := gpu.NewReaderOf(func(context.Context) gpu.Facts {
			time.Sleep(5 * time.Second)
			return named("slow")
		}, time.Now)
		defer r.Close()
		hurried := func() gpu.Facts {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return r.Read(ctx)
		}
		if f := hurried(); !f.At.IsZero() || nameOf(f) != "" {
			t.Errorf("known before anything was: %+v", f)
		}
		time.Sleep(4 * time.Second)
		if f := hurried(); nameOf(f) != "slow" {
			t.Errorf("got %+v", f)
		}
		time.Sleep(time.Hour)
		if f := hurried(); nameOf(f) != "slow" || time.Since(f.At) < time.Hour {
			t.Errorf("got %+v: it is to say how old it is", f)
		}
		time.Sleep(time.Minute) // until the last look ends
	})
}

func TestReader_EndsALookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := gpu.NewReaderOf(func(ctx context.Context) gpu.Facts {
			<-ctx.Done()
			return gpu.Facts{NVIDIA: gpu.NVIDIADriver{Problem: "it hangs"}}
		}, time.Now)
		start := time.Now()
		if f := r.Read(t.Context()); f.NVIDIA.Problem != "it hangs" || time.Since(start) != 15*time.Second {
			t.Errorf("after %s: %+v", time.Since(start), f)
		}
		time.Sleep(time.Minute)
		go r.Read(t.Context())
		synctest.Wait()
		start = time.Now()
		r.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("closing took %s", took)
		}
		if f := r.Read(t.Context()); f.NVIDIA.Problem != "it hangs" {
			t.Errorf("after it was closed: %+v", f)
		}
	})
}

// A file of a driver that hangs cannot be left alone: then the reader is.
func TestReader_CloseDoesNotWaitForWhatCannotBeInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := gpu.NewReaderOf(func(context.Context) gpu.Facts { <-release; return gpu.Facts{} }, time.Now)
		go r.Read(t.Context())
		synctest.Wait()
		start := time.Now()
		r.Close()
		if took := time.Since(start); took != time.Second {
			t.Errorf("closing took %s", took)
		}
		close(release)
	})
}
