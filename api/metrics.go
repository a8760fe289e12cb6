package api

import (
	"net/http"
	"runtime"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// How an attempt to sign in ended, as a label.
const (
	loginAccepted  = "accepted"
	loginRefused   = "refused"
	loginThrottled = "throttled"
)

// measures are what Prometheus may ask for. Every label has few values, and none that a client chooses: routes are
// patterns, methods are known ones.
type measures struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	logins   *prometheus.CounterVec
}

func newMeasures(version string) *measures {
	registry := prometheus.NewRegistry() // our own: nothing that a library registers by itself gets in
	make := promauto.With(registry)
	make.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dream_build_info", Help: "Always 1; the labels say which build of the API this is.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &measures{
		registry: registry,
		requests: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_http_requests_total", Help: "Requests that were answered, by the route's pattern, method and status.",
		}, []string{"route", "method", "code"}),
		duration: make.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dream_http_request_duration_seconds", Help: "Time from a request's header to the end of its reply. A change answers when it is done.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 15, 60, 300, 1800},
		}, []string{"route", "method"}),
		logins: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_login_attempts_total", Help: "Attempts to sign in, by how they ended: accepted, refused or throttled.",
		}, []string{"result"}),
	}
	for _, result := range []string{loginAccepted, loginRefused, loginThrottled} {
		m.logins.WithLabelValues(result) // there from the start, so that a rate can be taken
	}
	return m
}

// observe counts every request, those that are refused before they have a route among them.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		began := s.now()
		defer func() {
			route, method := "none", "other"
			if pattern := chi.RouteContext(r.Context()).RoutePattern(); pattern != "" && pattern != "/*" {
				route = pattern
			}
			if known := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions}; slices.Contains(known, r.Method) {
				method = r.Method
			}
			code := ww.Status()
			if code == 0 {
				code = http.StatusOK // what net/http sends for a handler that said nothing
			}
			s.measures.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
			s.measures.duration.WithLabelValues(route, method).Observe(s.now().Sub(began).Seconds())
		}()
		next.ServeHTTP(ww, r)
	})
}

func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(s.measures.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}
