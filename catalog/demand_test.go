package catalog_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/catalog"
)

// counted samples numbers, and counts how many it was asked for.
func counted(every time.Duration) (d *catalog.OnDemand, samples *atomic.Int32, keep func(context.Context)) {
	d, samples = &catalog.OnDemand{}, new(atomic.Int32)
	return d, samples, func(ctx context.Context) {
		d.Keep(ctx, func(_ context.Context, before *int) (*int, time.Duration) {
			samples.Add(1)
			if before == nil {
				return new(1), every
			}
			return new(*before + 1), every
		})
	}
}

func TestOnDemand_SamplesWhileSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d, samples, keep := counted(5 * time.Second)
		done := make(chan struct{})
		go func() { keep(ctx); close(done) }()
		time.Sleep(time.Hour)
		if got := samples.Load(); got != 0 {
			t.Errorf("%d samples before anybody asked", got)
		}
		if got := d.Get(ctx); got == nil || *got != 1 {
			t.Fatalf("the first who asks gets %v", got)
		}
		for range 100 { // a page that is looked at
			time.Sleep(3 * time.Second)
			d.Get(ctx)
		}
		before := samples.Load()
		if before < 60 || before > 62 {
			t.Errorf("%d samples in five minutes", before)
		}
		time.Sleep(time.Hour)
		if more := samples.Load() - before; more < 11 || more > 13 {
			t.Errorf("%d samples in the hour after the last question", more)
		}
		if got := d.Get(ctx); got == nil || *got != 1 {
			t.Errorf("who asks an hour later gets %v, want a first sample", got)
		}
		cancel()
		<-done
		if d.Last() != nil {
			t.Error("there is something left of it")
		}
	})
}

// A first sample that does not come is not waited for.
func TestOnDemand_WaitsALittleForTheFirstSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := &catalog.OnDemand{}
		go d.Keep(ctx, func(ctx context.Context, _ *int) (*int, time.Duration) {
			<-ctx.Done()
			return nil, 0
		})
		began := time.Now()
		if got := d.Get(ctx); got != nil || time.Since(began) != 3*time.Second {
			t.Errorf("got %v after %s", got, time.Since(began))
		}
		left, leave := context.WithCancel(ctx)
		leave()
		began = time.Now()
		if got := d.Get(left); got != nil || time.Since(began) != 0 {
			t.Errorf("who has left got %v after %s", got, time.Since(began))
		}
		cancel()
		synctest.Wait()
	})
}
