package agent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/agent"
)

// stuckLog is a log that nobody takes lines from until it is let go.
type stuckLog chan struct{}

func (l stuckLog) Write(p []byte) (int, error) {
	<-l
	return len(p), nil
}

func TestWatchdog_HearsOnlyOfAnAgentThatWorks(t *testing.T) {
	in := prepare(t)
	in.engine.set(func(e *fakeEngine) { e.down = true }) // is no reason
	synctest.Test(t, func(t *testing.T) {
		heard := 0
		stuck := make(stuckLog)
		for name, log := range map[string]zerolog.Logger{"works": zerolog.Nop(), "hangs": zerolog.New(stuck)} {
			heard = 0
			o := in.options
			o.Log, o.WatchdogEvery = log, 20*time.Second
			o.Notify = func(state string) {
				if state == "WATCHDOG=1" {
					heard++
				}
			}
			s, err := agent.NewServer(o)
			if err != nil {
				t.Fatal(err)
			}
			stop := agent.Watch(s)
			time.Sleep(65 * time.Second) // the bubble's time
			synctest.Wait()
			want := map[string]int{"works": 3, "hangs": 0}[name]
			wantEqual(t, name, want, heard)
			if name == "hangs" {
				close(stuck)
			}
			stop()
		}
	})
}

func TestRun_TellsItsStates(t *testing.T) {
	in := prepare(t)
	var states []string
	in.options.Notify = func(state string) { states = append(states, state) }
	in.serve()
	in.must(in.stop())
	wantEqual(t, "states", []string{
		"READY=1\nSTATUS=Listening at " + in.settings.AgentSocket + " and " + in.addr,
		"STOPPING=1\nEXTEND_TIMEOUT_USEC=3640000000\nSTATUS=Waiting for running work",
	}, states)
}
