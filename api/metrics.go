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

// measures are what Prometheus may ask the API for.
type measures struct {
	registry *prometheus.Registry
	requests *measure.Requests
	logins   *prometheus.CounterVec
}

func newMeasures(version string, now func() time.Time) *measures {
	registry := measure.NewRegistry(version)
	m := &measures{
		registry: registry,
		requests: measure.NewRequests(registry, now),
		logins: promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
			Name: "dream_login_attempts_total", Help: "Attempts to sign in, by how they ended: accepted, refused or throttled.",
		}, []string{"result"}),
	}
	for _, result := range []string{loginAccepted, loginRefused, loginThrottled} {
		m.logins.WithLabelValues(result) // there from the start, so that a rate can be taken
	}
	return m
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	measure.Handler(s.measures.registry).ServeHTTP(w, r)
}
