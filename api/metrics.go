package api

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"dreamserver/internal/measure"
)

// How an attempt to sign in ended, as a label.
const (
	loginAccepted  = "accepted"
	loginRefused   = "refused"
	loginThrottled = "throttled"
)

// measures are what Prometheus may ask the API for: what happened, counted as it happens, and the state of things, which
// is looked up when Prometheus asks (states.go).
type measures struct {
	registry *prometheus.Registry
	now      func() time.Time
	requests *measure.Requests
	logins   *prometheus.CounterVec
	changes  *changesMeasured
}

func newMeasures(version string, now func() time.Time, extensions Extensions) *measures {
	registry := measure.NewRegistry(version)
	registry.MustRegister(states{extensions})
	make := promauto.With(registry)
	m := &measures{
		registry: registry,
		now:      now,
		requests: measure.NewRequests(registry, now),
		logins: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_login_attempts_total", Help: "Attempts to sign in, by how they ended: accepted, refused or throttled.",
		}, []string{"result"}),
		changes: newChangesMeasured(make),
	}
	m.begin()
	return m
}

// begin has every counter there from the start, so that a rate can be taken of the first event.
func (m *measures) begin() {
	for _, result := range []string{loginAccepted, loginRefused, loginThrottled} {
		m.logins.WithLabelValues(result)
	}
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	measure.Handler(s.measures.registry).ServeHTTP(w, r)
}
