package agent

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

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
}

// Server is the host agent.
type Server struct {
	opts    Options
	log     zerolog.Logger
	runner  *compose.Runner
	journal *catalog.Journal
	parsed  manifest.Cache
	units   unitCache
	busy    busyTable
	locks   keyedLocks
	fails   failures

	work    sync.WaitGroup  // changes in progress
	stop    context.Context // ends when running work must end
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
	srv := &Server{opts: o, log: o.Log, journal: catalog.NewJournal(s.OperationsDir, s.UID, s.GID)}
	for _, dir := range []string{"", approvedDir, treesDir, emptyDir} {
		if err := os.MkdirAll(filepath.Join(s.StateDir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("state directory: %w", err)
		}
	}
	if err := os.Chmod(s.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	srv.runner = &compose.Runner{Docker: o.Docker, Project: s.Names.Project, Dir: filepath.Join(s.StateDir, emptyDir), Env: o.Env}
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
		r.Post("/v1/extension/check", s.check)
		r.Post("/v1/extension/start", s.change("start", s.start))
		r.Post("/v1/extension/restart", s.change("restart", s.restart))
		r.Post("/v1/extension/stop", s.change("stop", s.stopExtension))
		r.Post("/v1/extension/remove", s.change("remove", s.removeExtension))
		r.Post("/v1/extension/enable", s.change("enable", s.enableBuiltin))
		r.Post("/v1/extension/disable", s.change("disable", s.disableBuiltin))
		r.Post("/v1/extension/logs", s.logs)
		r.Post("/v1/stack/up", s.up)
		r.Post("/v1/stack/down", s.down)
	})
	return r
}

// Run listens and serves until ctx ends. Then no new work is taken, running work may finish within the
// settings' StopTimeout, and what still runs is ended and rolled back. ready is called with the TCP address.
func (s *Server) Run(ctx context.Context, ready func(addr string)) error {
	unix, err := s.listenUnix()
	if err != nil {
		return err
	}
	tcp, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.opts.Settings.AgentPort)))
	if err != nil {
		unix.Close()
		return fmt.Errorf("listen: %w: is another host agent running? set DREAM_AGENT_PORT", err)
	}
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, l := range []net.Listener{unix, tcp} {
		g.Go(func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	g.Go(func() error { s.reconcile(gctx); return nil })
	g.Go(func() error { <-gctx.Done(); return s.shutdown(server) })
	ready(tcp.Addr().String())
	return g.Wait()
}

// shutdown lets running work finish, then ends it.
func (s *Server) shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Settings.StopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err == nil {
		s.work.Wait()
		return nil
	}
	s.log.Warn().Dur("after", s.opts.Settings.StopTimeout).Msg("running work is ended and rolled back")
	s.stopNow()
	s.work.Wait()
	return server.Close()
}

// listenUnix opens the socket in its own directory, which the API's container mounts. Whoever may enter the
// directory (group DREAM_GID) may connect.
func (s *Server) listenUnix() (net.Listener, error) {
	file := s.opts.Settings.AgentSocket
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o710); err != nil {
		return nil, fmt.Errorf("socket directory: %w", err)
	}
	if conn, err := net.DialTimeout("unix", file, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("another host agent listens at %s: stop it first", file)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("stale socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", file)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	err = os.Chmod(file, 0o660)
	if gid := s.opts.Settings.GID; err == nil && os.Geteuid() == 0 && gid >= 0 {
		err = errors.Join(os.Chown(file, -1, gid), os.Chown(dir, -1, gid), os.Chmod(dir, 0o710))
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return l, nil
}

// authorized lets in whoever has the key, compared in constant time.
func (s *Server) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.checkKey(r); err != nil {
			reply(w, err)
			return
		}
		if v := r.Header.Get(versionHeader); v != "" && v != s.opts.Version {
			s.log.Debug().Str("client", v).Str("version", s.opts.Version).Msg("versions differ")
		}
		next.ServeHTTP(w, r)
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

func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		s.log.Debug().Str("method", r.Method).Str("path", r.URL.Path).Dur("duration", time.Since(began)).Msg("request")
	})
}
