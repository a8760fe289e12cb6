package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
	"dreamserver/internal/shares"
	"dreamserver/internal/sockets"
	"dreamserver/manifest"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

// Options are what a [Server] needs.
type Options struct {
	Settings config.Settings
	// Reload reads the settings again: .env may have changed. Nil keeps Settings.
	Reload    func() (config.Settings, error)
	Engine    Engine
	Docker    string   // the docker command; empty means "docker" on PATH
	Systemctl string   // the command that asks systemd; empty means "systemctl" on PATH
	Env       []string // environment of docker compose, see compose.CleanEnv
	Version   string
	Log       zerolog.Logger

	// PortInUse reports whether a program of this machine listens on the port; nil asks the kernel.
	PortInUse func(protocol, ip string, port int) bool
	// Listening is what listens on this machine; nil asks the kernel.
	Listening func() *sockets.Table

	// Disk tells of the file system of a folder, before something is written to it; nil asks the kernel.
	Disk func(dir string) catalog.Disk

	// GPUs is the machine whose GPUs are told of; nil means this one.
	GPUs *gpu.Machine

	// Grace is how long a container without a healthcheck must run to count as started; 0 means 1 s.
	Grace time.Duration
	// HealthWait is how long a start waits for healthchecks; 0 means 60 s.
	HealthWait time.Duration
	// ReconcileEvery is the time between looks at unfinished changes; 0 means 3 s.
	ReconcileEvery time.Duration
	// DriftEvery is the time between comparisons of what runs with what was approved; 0 means an hour.
	DriftEvery time.Duration

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
	records  *operation.Store // of operations
	parsed   manifest.Cache
	units    unitCache
	busy     busyTable
	versions versionLog
	locks    keyedLocks // by service
	keys     sync.Mutex // of .env and the API's keys in it
	copies   keyedLocks // by extension, while its files are copied
	trees    treeUses
	fails    failures
	gpus     *gpu.Reader
	engine   knownEngine
	counter  counter
	systemd  chan struct{} // holds an element for each systemctl that runs
	measures *measures
	policies *policy.Engine
	answers  policy.Cache  // of programs, for every config that is tried
	planners chan struct{} // holds an element for each plan that is made
	limits   Limits
	conns    shares.Shares // connections on the socket, by user
	streams  shares.Shares // of events, by peer
	// logStreams are counted apart: who follows logs does not keep the API from seeing what happens.
	logStreams shares.Shares

	decisions *decisions.Log
	drift     driftWatch
	made      madeBook

	trail     *auditLog
	strangers refusals // connections of users who may not
	vain      refusals // changes that the API asked for and that were refused
	crowds    refusals // connections of users who have too many
	verdicts  refusals // checks of what is not accepted
	unplanned refusals // checks that policies refuse
	guesses   refusals // requests without the key that they need

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
	if o.DriftEvery == 0 {
		o.DriftEvery = time.Hour
	}
	if o.Systemctl == "" {
		o.Systemctl = "systemctl"
	}
	if o.PortInUse == nil {
		o.PortInUse = PortInUse
	}
	if o.Listening == nil {
		o.Listening = sockets.Listening
	}
	if o.Disk == nil {
		o.Disk = DiskOf
	}
	if o.Reload == nil {
		o.Reload = func() (config.Settings, error) { return s, nil }
	}
	srv := &Server{opts: o, log: o.Log, limits: o.Limits.withDefaults(), journal: catalog.NewJournal(s.OperationsDir, s.UID, s.GID), records: catalog.OperationStore(s)}
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
	if o.GPUs == nil {
		o.GPUs = gpu.NewMachine(gpu.Options{Mac: s.GPUBackend == string(gpu.Apple), HostRAM: s.Env["HOST_RAM_GB"]})
	}
	srv.gpus = gpu.NewReader(o.GPUs)
	srv.counter.dir = s.DataDir
	srv.systemd = make(chan struct{}, unitsAtOnce)
	srv.planners = make(chan struct{}, plansAtOnce)
	srv.measures = newMeasures(o.Version, machine{gpus: srv.gpus, engine: o.Engine, dataDir: s.DataDir})
	srv.decisions = decisions.Open(s.StateDir)
	srv.drift.kick = make(chan struct{}, 1)
	srv.policies = srv.loadPolicies()
	srv.measures.plugged(srv.policies.Plugins())
	srv.measures.locks(srv.policies.Locked() != nil)
	srv.measures.drifts(&srv.drift)
	srv.runner.Called, srv.units.scanned = srv.measures.composeCalled, srv.measures.scanned
	srv.closing, srv.drain = context.WithCancel(context.Background())
	srv.stop, srv.stopNow = context.WithCancel(context.Background())
	return srv, nil
}

// route is one thing that can be asked of the agent.
type route struct {
	method, path string
	who          caller // the least that may ask for it
	handle       http.HandlerFunc
}

// routes are the agent's HTTP surface, every verb on one screen, and who may ask for it. What concerns the whole stack
// is the owner's: the API never asks for it, and who has taken over its container cannot either.
func (s *Server) routes() []route {
	const get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
	return []route{
		{get, "/health", anybody, s.health},
		{get, "/metrics", meter, s.metrics},
		{get, "/v1/containers", api, s.containers},
		{get, "/v1/host", api, s.host},
		{get, "/v1/stats", api, s.stats},
		{get, "/v1/storage", api, s.storage},
		{post, "/v1/ports", api, s.ports},
		{get, "/v1/extension/{id}/unit", api, s.unit},
		{get, "/v1/events", api, s.events},
		{get, "/v1/audit", api, s.auditPage},
		{get, "/v1/policy/status", api, s.policyStatus},
		{get, "/v1/policy/audit", api, s.policyAudit},
		{get, "/v1/policy/drift", api, s.lastDrift},
		{post, "/v1/policy/drift", api, s.scanDrift},
		{post, "/v1/extension/check", api, s.check},
		{post, planPath, api, s.plan},
		{post, "/v1/extension/start", api, s.change("start", s.startWith)},
		{post, "/v1/extension/restart", api, s.change("restart", s.restartWatched)},
		{post, "/v1/extension/stop", api, s.change("stop", always(s.stopExtension))},
		{post, "/v1/extension/remove", api, s.change("remove", always(s.removeExtension))},
		{post, "/v1/extension/enable", api, s.change("enable", always(s.enableBuiltin))},
		{post, "/v1/extension/disable", api, s.change("disable", always(s.disableBuiltin))},
		{post, "/v1/extension/logs", api, s.logs},
		{post, "/v1/extension/logs/follow", api, s.followLogs},
		{get, "/v1/extension/{id}/env", api, s.getConfig},
		{put, "/v1/extension/{id}/env", api, s.putConfig},
		{post, "/v1/policy/eval", owner, s.evalPolicy},
		{get, "/v1/stack", owner, s.stack},
		{post, "/v1/stack/plan", owner, s.planAll},
		{post, "/v1/stack/up", owner, s.up},
		{post, "/v1/stack/down", owner, s.down},
	}
}

// noSuchPath begins the refusal of a path that is not among them. By it a client knows that the agent is older.
const noSuchPath = "the host agent has no "

// Handler serves the routes.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.logged, s.limited, s.measures.requests.Count) // net/http closes a connection for limited's sake if that has its own writer
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		reply(w, problem.Newf(problem.NotFound, noSuchPath+"%s", r.URL.Path))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		reply(w, problem.Newf(problem.MethodNotAllowed, "%s is not for %s", r.URL.Path, r.Method))
	})
	for _, route := range s.routes() {
		r.Method(route.method, route.path, s.authorized(route.who, route.handle))
	}
	return r
}

func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		s.log.Debug().Str("method", r.Method).Str("path", r.URL.Path).Dur("duration", time.Since(began)).Msg("request")
	})
}
