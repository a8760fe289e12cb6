package compose

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Change is something that happened to a container of the project.
type Change struct {
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Container string    `json:"container"`        // its name
	Action    string    `json:"action"`           // start, die, health_status: healthy, …
	Code      string    `json:"code,omitempty"`   // exit code of die
	Health    string    `json:"health,omitempty"` // of health_status
}

// Changes sends what happens to the project's containers until ctx ends or the engine goes away; then the
// channel is closed and the error, if any, can be read from the second one. Probe executions are not sent.
func (e *Engine) Changes(ctx context.Context) (<-chan Change, <-chan error) {
	out := make(chan Change)
	failed := make(chan error, 1)
	messages, errs := e.docker.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", "container"), filters.Arg("label", labelProject+"="+e.project))})
	go func() {
		defer close(out)
		for {
			select {
			case m := <-messages:
				if strings.HasPrefix(string(m.Action), "exec_") {
					continue
				}
				select {
				case out <- change(m):
				case <-ctx.Done():
					return
				}
			case err := <-errs:
				if ctx.Err() == nil && err != nil {
					failed <- e.unavailable(err)
				}
				return
			}
		}
	}()
	return out, failed
}

func change(m events.Message) Change {
	action, health, _ := strings.Cut(string(m.Action), ": ")
	return Change{
		Time: time.Unix(0, m.TimeNano).UTC(), Service: m.Actor.Attributes[labelService], Container: m.Actor.Attributes["name"],
		Action: action, Code: m.Actor.Attributes["exitCode"], Health: health,
	}
}
