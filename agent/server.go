package agent

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Options are what a [Server] needs.
type Options struct {
	Settings config.Settings
	// Reload reads the settings again: .env may have changed. Nil keeps Settings.
	Reload  func() (config.Settings, error)
	Engine  Engine
	Docker  string   // the docker command; empty means "docker" on PATH
	Env     []string // environment of docker compose, see compose.CleanEnv
	Version string
	Log     zerolog.Logger

	// Grace is how long a container without a healthcheck must run to count as started; 0 means 1 s.
	Grace time.Duration
	// HealthWait is how long a start waits for healthchecks; 0 means 60 s.
	HealthWait time.Duration
	// ReconcileEvery is the time between looks at unfinished changes; 0 means 3 s.
	ReconcileEvery time.Duration

	Limits Limits
	// AuditMB is how large a file of the audit log gets, in megabytes; 0 means 10.
	AuditMB int

	// Notify tells the service manager a state; nil where there is none. See sd_notify(3).
	Notify func(state string)
	// WatchdogEvery is how often the service manager is to hear that the agent lives; 0 means never.
	WatchdogEvery time.Duration
}

// Server is the host agent.
type Server struct {
	opts     Options
	log      zerolog.Logger
	runner   *compose.Runner
	journal  *catalog.Journal
	parsed   manifest.Cache
	units    unitCache
	busy     busyTable
	versions versionLog
	locks    keyedLocks // by service
	copies   keyedLocks // by extension, while its files are copied
	fails    failures
	limits   Limits

	trail     *auditLog
	strangers refusals // connections of users who may not
	guesses   refusals // requests without the key

	closing context.Context // ends when no new work is taken
	stop    context.Context // ends when running work must end
	drain   context.CancelFunc
	stopNow context.CancelFunc
}

// NewServer makes the agent's folders. It does not listen yet.
func NewServer(o Options) (*Server, error) {
	s := o.Settings
	if s.AgentKey == "" {
		return nil, errors.New("no key: set DREAM_AGENT_KEY in " + s.EnvFile + ", or run `dream init`")
	}
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	if o.HealthWait == 0 {
		o.HealthWait = time.Minute
	}
	if o.ReconcileEvery == 0 {
		o.ReconcileEvery = 3 * time.Second
	}
	if o.Reload == nil {
		o.Reload = func() (config.Settings, error) { return s, nil }
	}
	srv := &Server{opts: o, log: o.Log, limits: o.Limits.withDefaults(), journal: catalog.NewJournal(s.OperationsDir, s.UID, s.GID)}
	for _, dir := range []string{"", approvedDir, grantsDir, treesDir, emptyDir} {
		if err := os.MkdirAll(filepath.Join(s.StateDir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("state directory: %w", err)
		}
	}
	if err := os.Chmod(s.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	srv.trail = newAuditLog(s.StateDir, o.AuditMB)
	srv.runner = &compose.Runner{Docker: o.Docker, Project: s.Names.Project, Dir: filepath.Join(s.StateDir, emptyDir), Env: o.Env}
	srv.closing, srv.drain = context.WithCancel(context.Background())
	srv.stop, srv.stopNow = context.WithCancel(context.Background())
	return srv, nil
}

// Handler is the agent's HTTP surface: every verb on one screen.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.logged, s.limited)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		reply(w, problem.Newf(problem.NotFound, "the host agent has no %s", r.URL.Path))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		reply(w, problem.Newf(problem.MethodNotAllowed, "%s is not for %s", r.URL.Path, r.Method))
	})
	r.Get("/health", s.health)
	r.Group(func(r chi.Router) {
		r.Use(s.authorized)
		r.Get("/v1/containers", s.containers)
		r.Get("/v1/host", s.host)
		r.Get("/v1/events", s.events)
		r.Get("/v1/stack", s.stack)
		r.Get("/v1/audit", s.auditPage)
		r.Post("/v1/extension/check", s.check)
		r.Post("/v1/extension/start", s.change("start", s.startGranted))
		r.Post("/v1/extension/restart", s.change("restart", always(s.restart)))
		r.Post("/v1/extension/stop", s.change("stop", always(s.stopExtension)))
		r.Post("/v1/extension/remove", s.change("remove", always(s.removeExtension)))
		r.Post("/v1/extension/enable", s.change("enable", always(s.enableBuiltin)))
		r.Post("/v1/extension/disable", s.change("disable", always(s.disableBuiltin)))
		r.Post("/v1/extension/logs", s.logs)
		r.Post("/v1/stack/up", s.up)
		r.Post("/v1/stack/down", s.down)
	})
	return r
}

// authorized lets in whoever has the key, compared in constant time.
func (s *Server) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.checkKey(r); err != nil {
			s.refusedKey(r, err)
			w.Header().Set("Connection", "close") // who has no key keeps no connection
			reply(w, err)
			return
		}
		s.versions.compare(s.log, r.Header.Get(versionHeader), s.opts.Version)
		next.ServeHTTP(w, withCaller(r))
	})
}

func (s *Server) checkKey(r *http.Request) error {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		return problem.Newf(problem.Unauthorized, "send Authorization: Bearer with DREAM_AGENT_KEY")
	}
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(s.opts.Settings.AgentKey.Reveal()))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return problem.Newf(problem.Forbidden, "Invalid API key.")
	}
	return nil
}

func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		s.log.Debug().Str("method", r.Method).Str("path", r.URL.Path).Dur("duration", time.Since(began)).Msg("request")
	})
}
