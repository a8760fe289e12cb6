// Package measure is what the metrics of both programs have in common: a registry of their own, and how requests are
// counted. What a program measures beside that is its own business: api/metrics.go, agent/metrics.go.
//
// Every label has few values, and none that a client chooses. docs/metrics.md lists all of them.
package measure

import (
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ChangeBuckets are the bounds of histograms, in seconds, that hold both what memory answers and changes, which may
// pull an image.
var ChangeBuckets = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 15, 60, 300, 1800}

// NewRegistry makes a registry that tells the build, the Go runtime and the process. Nothing that a library registers by
// itself gets in.
func NewRegistry(version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	promauto.With(r).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dream_build_info", Help: "Always 1; the labels say which build of the program this is.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Handler writes what is registered.
func Handler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// Requests counts requests to a chi router. Routes are patterns, methods are known ones.
type Requests struct {
	now      func() time.Time
	count    *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mu    sync.RWMutex
	found map[labels]handles
}

// NewRequests registers the counters.
func NewRequests(r prometheus.Registerer, now func() time.Time) *Requests {
	make := promauto.With(r)
	return &Requests{
		now: now, found: map[labels]handles{},
		count: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_http_requests_total", Help: "Requests that were answered, by the route's pattern, method and status.",
		}, []string{"route", "method", "code"}),
		duration: make.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dream_http_request_duration_seconds", Help: "Time from a request's header to the end of its reply. A change answers when it is done.",
			Buckets: ChangeBuckets,
		}, []string{"route", "method"}),
	}
}

// methods are those that a label may have.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Count counts every request, those that are refused before they have a route among them. It is a middleware of a router,
// one of the outermost.
func (q *Requests) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		began := q.now()
		defer func() {
			route, method := "none", "other"
			if pattern := chi.RouteContext(r.Context()).RoutePattern(); pattern != "" && pattern != "/*" {
				route = pattern
			}
			if slices.Contains(methods, r.Method) {
				method = r.Method
			}
			code := ww.Status()
			if code == 0 {
				code = http.StatusOK // what net/http sends for a handler that said nothing
			}
			m := q.of(labels{route, method, code})
			m.count.Inc()
			m.duration.Observe(q.now().Sub(began).Seconds())
		}()
		next.ServeHTTP(ww, r)
	})
}

// labels are as many as a program has routes, methods and codes.
type labels struct {
	route, method string
	code          int
}

type handles struct {
	count    prometheus.Counter
	duration prometheus.Observer
}

// of finds what counts requests with these labels. Prometheus' own search takes as long as the rest of a small request.
func (q *Requests) of(l labels) handles {
	q.mu.RLock()
	m, ok := q.found[l]
	q.mu.RUnlock()
	if !ok {
		m = handles{q.count.WithLabelValues(l.route, l.method, strconv.Itoa(l.code)), q.duration.WithLabelValues(l.route, l.method)}
		q.mu.Lock()
		q.found[l] = m
		q.mu.Unlock()
	}
	return m
}
