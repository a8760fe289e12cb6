// Package api is the HTTP surface of the dashboard: what a browser, curl and Prometheus see of an installation.
//
// Start with routes.go, which lists every path and who may call it. A request passes, in this order, [Shield]
// (request id, recovery, security headers, Host), the cross-origin rules, the route's access (access.go: whose key or
// session it is, and its scope), the limits on its body, and then a handler, which reads, calls one method of
// [Extensions] and writes. Refusals are application/problem+json; package problem says which code has which status.
//
// The package decides nothing about extensions and knows neither Docker nor the host agent.
package api

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"

	"dreamserver/catalog"
	"dreamserver/catalog/doctor"
	"dreamserver/catalog/operation"
	"dreamserver/config"
	"dreamserver/internal/shares"
)

// Extensions is what the API asks of a [catalog.Manager].
type Extensions interface {
	Snapshot() *catalog.Snapshot
	ProbeTimes() map[string]time.Duration
	Telemetry() *catalog.Telemetry
	Resources(ctx context.Context) *catalog.Resources
	Storage(ctx context.Context) (catalog.Storage, error)
	CheckPorts(ctx context.Context, ports []int) (catalog.PortUses, error)
	Examine(ctx context.Context) doctor.Report
	Plan(ctx context.Context, req catalog.PlanRequest) (catalog.Plan, error)
	Submit(ctx context.Context, o catalog.Order, key string) (operation.Operation, error)
	Outcome(ctx context.Context, id string) (catalog.Result, error)
	Operations(f operation.Filter) ([]operation.Operation, error)
	Operation(id string) (operation.Operation, error)
	Cancel(ctx context.Context, id string) (operation.Operation, error)
	Observe(watch func(operation.Operation))
	Listen(after uint64) *catalog.Listener
	Logs(ctx context.Context, id string, tail int) (catalog.Logs, error)
	FollowLogs(ctx context.Context, id string, q catalog.LogQuery) (iter.Seq2[catalog.LogLine, error], error)
	Config(ctx context.Context, id string) (catalog.Config, error)
	Configure(ctx context.Context, id string, change catalog.ConfigChange, restart bool) (catalog.ConfigResult, error)
}

// AuditLog is what the API asks of the host agent, which keeps the logs.
type AuditLog interface {
	// Audit returns the newest entries, newest first.
	Audit(ctx context.Context, limit int) ([]catalog.AuditEntry, error)
	Policies
}

// Options are what the API needs. Manager, Audit and Settings.APIKey are required.
type Options struct {
	Settings config.Settings
	Manager  Extensions
	Audit    AuditLog
	Version  string           // of this program
	Log      zerolog.Logger   // the zero value logs nothing
	Now      func() time.Time // default time.Now
	// Closing is closed when the program stops: that ends streams, which otherwise last. Nil: they last.
	Closing <-chan struct{}
	// Lookup finds the addresses of the dashboard's container; the default asks the resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// server is the API at work. What its fields point to is made in New.
type server struct {
	settings   config.Settings
	extensions Extensions
	auditLog   AuditLog
	version    string
	log        zerolog.Logger
	now        func() time.Time
	keys       *keyring
	sessions   sessions
	logins     throttle
	frontend   *frontend
	measures   *measures
	answers    *answers
	glances    *answers      // that are kept for a second
	streams    shares.Shares // by the name of the key, its sessions among them
	frames     frames        // of events
	closing    <-chan struct{}
	router     *chi.Mux
	huma       huma.API
	pages      pages
}

// New makes the handler of the whole API. The handler is a [chi.Routes], so that a test can walk it.
func New(o Options) (http.Handler, error) { return newServer(o, (*server).routes) }

// newServer is New with a table of its caller's.
func newServer(o Options, routes func(*server) []route) (http.Handler, error) {
	if o.Manager == nil {
		return nil, errors.New("api: Options.Manager is missing")
	}
	if o.Audit == nil {
		return nil, errors.New("api: Options.Audit is missing")
	}
	if o.Settings.APIKey == "" {
		return nil, errors.New("DASHBOARD_API_KEY is empty, and without a key anybody could install software: " +
			"run `dream init`, which makes one, or set the variable")
	}
	pack := newPackers()
	s := &server{
		settings: o.Settings, auditLog: o.Audit, version: o.Version, log: o.Log, now: o.Now,
		keys: newKeyring(o.Settings, o.Log), answers: newAnswers(pack), glances: newAnswers(pack), router: chi.NewMux(),
		closing: o.Closing,
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.measures = newMeasures(o.Version, s.now, o.Manager)
	s.extensions = o.Manager
	o.Manager.Observe(s.measures.changes.observe)
	s.frontend = newFrontend(o.Settings, o.Lookup, s.now)
	sameOrigin, err := crossOrigin(o.Settings.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	s.router.Use(s.measures.requests.Count, Shield(o.Settings, o.Log), boundReplies, sameOrigin, middleware.GetHead)
	s.router.NotFound(s.notFound)
	s.router.MethodNotAllowed(s.methodNotAllowed)
	s.huma = huma.NewAPI(humaConfig(o.Version, s.speakProblem), adapter{s})
	table := routes(s)
	if err := s.register(table); err != nil {
		return nil, err
	}
	return s.router, s.publish(table)
}

// register binds the table in routes.go. A route without access must not come up at all.
func (s *server) register(table []route) error {
	for _, r := range table {
		if err := r.access().check(); err != nil {
			return fmt.Errorf("api: %s %s %w", r.method, r.path, err)
		}
		r.bind(s, r.operation())
	}
	return nil
}
