package agent_test

import (
	"context"
	"testing"
	"testing/synctest"

	"dreamserver/agent"
	"dreamserver/internal/problem"
)

// Who cancels a start of another program stops it, and that program removes what it made at the same moment.
func TestBusy_ARemovalWaitsForAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table agent.Busy
		ended := func(cause error) { t.Errorf("the stop was ended: %v", cause) }
		stopped, err := agent.TakeBusy(&table, t.Context(), "app", "stop", ended)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range []string{"stop", "start"} {
			if _, err := agent.TakeBusy(&table, t.Context(), "app", op, ended); !problem.HasCode(err, problem.Busy) {
				t.Errorf("a %s beside the stop: %v, want that it is busy", op, err)
			}
		}
		removing := make(chan error, 1)
		go func() {
			release, err := agent.TakeBusy(&table, context.Background(), "app", "remove", ended)
			if err == nil {
				release()
			}
			removing <- err
		}()
		synctest.Wait()
		select {
		case err := <-removing:
			t.Errorf("the removal does not wait: %v", err)
			removing <- err
		default:
		}
		stopped()
		if err := <-removing; err != nil {
			t.Errorf("after the stop: %v", err)
		}
	})
}
