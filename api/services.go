package api

import (
	"context"
	"math"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/manifest"
)

// serviceBody keeps the reference's field names. What is disabled is no service.
type serviceBody struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	Port         int           `json:"port" doc:"in the container; 0 when it listens on none"`
	ExternalPort int           `json:"external_port" doc:"on the machine: where Docker publishes it now, else where it will be"`
	Status       health.Status `json:"status" enum:"healthy,unhealthy,degraded,down,not_deployed,unknown,starting"`
	Since        *time.Time    `json:"since,omitempty" doc:"when the status became what it is; absent while nobody has asked"`
	Reason       string        `json:"reason,omitempty" doc:"why it is no better"`
	ResponseTime *float64      `json:"response_time_ms,omitempty" doc:"of the last probe; absent when none was answered"`
}

// listServices is the enabled services, core services among them.
func (s *server) listServices(context.Context, *struct{}) (*reply[[]serviceBody], error) {
	return respond(s.services(), nil)
}

func (s *server) services() []serviceBody {
	out := []serviceBody{}
	times := s.extensions.ProbeTimes()
	for _, e := range s.extensions.Snapshot().Entries {
		if e.Status != catalog.Enabled {
			continue
		}
		fare := e.Fare()
		b := serviceBody{ID: e.ID, Name: e.Name, Port: e.Port, ExternalPort: e.Reach.Port, Status: fare.Status, Reason: fare.Reason}
		if !fare.Since.IsZero() {
			b.Since = new(fare.Since.UTC())
		}
		if took, ok := times[e.ID]; ok {
			b.ResponseTime = new(math.Round(float64(took.Microseconds())/100) / 10)
		}
		out = append(out, b)
	}
	return out
}

// takesPart reports whether the extension is one that should run.
func takesPart(e catalog.Entry) bool {
	return e.Status == catalog.Enabled && (e.Problem == "" || e.Category == string(manifest.Core))
}
