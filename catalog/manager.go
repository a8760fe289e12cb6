package catalog

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Options are what a [Manager] needs. All fields are required but Actor and Rate.
type Options struct {
	Settings config.Settings
	Agent    Agent
	Version  string // of this program; checked against compatibility.dream_min and dream_max
	Actor    string // who makes the changes, in the journal: "dashboard-api", "dream"
	Rate     bool   // snapshots rate extensions, which reads their files once
	Log      zerolog.Logger
}

// Manager changes the state of extensions. It is safe for concurrent use, by several processes too.
type Manager struct {
	settings config.Settings
	agent    Agent
	version  string
	actor    string
	log      zerolog.Logger
	journal  *Journal
	parsed   manifest.Cache
	shelves  shelves
	rates    bool
	ratings  ratings
	runtime  atomic.Pointer[runtimeState]
	live     live
	history  *operation.History
	news     news
	observer atomic.Pointer[func(operation.Operation)]

	submitting sync.Mutex     // of orders with a key
	background sync.WaitGroup // orders that were submitted
}

// New makes a manager. It touches nothing on disk.
func New(o Options) *Manager {
	m := &Manager{
		settings: o.Settings, agent: o.Agent, version: o.Version, actor: o.Actor, rates: o.Rate, log: o.Log,
		journal: NewJournal(o.Settings.OperationsDir, o.Settings.UID, o.Settings.GID),
	}
	m.shelves = shelves{
		services: &shelf{dir: o.Settings.ServicesDir, parsed: &m.parsed, enter: func(f *found) Entry { return m.placed(f, FromCore) }},
		user:     &shelf{dir: o.Settings.UserExtensionsDir, parsed: &m.parsed, enter: func(f *found) Entry { return m.placed(f, FromUser) }},
		library: &shelf{
			dir: o.Settings.LibraryDir, parsed: &m.parsed, enter: func(f *found) Entry { return newEntry(f.manifest, FromLibrary) },
			offered: func(fsys fs.FS, id string) error {
				_, err := readOffer(fsys, id, m.version, m.parsed.Read)
				return err
			},
		},
	}
	m.history = operation.NewHistory(OperationStore(o.Settings), m.tellOperation)
	m.live.unrated, m.live.going = make(chan struct{}, 1), make(chan struct{}, 1)
	m.runtime.Store(&runtimeState{agent: AgentStatus{Code: string(problem.Unavailable), Reason: "the host agent was not asked yet"}})
	return m
}

// Recover removes what killed changes left behind in the user-extensions folder. The rest of a killed change is
// in the journal, for the agent.
func (m *Manager) Recover(ctx context.Context) error {
	m.endForgotten()
	return m.locked(ctx, func(*os.Root) error { return nil })
}

// lookup finds an extension that may be changed: not a malformed or a core id. An unknown one has no status.
func (m *Manager) lookup(id string, check func(*Snapshot, Entry) error) (*Snapshot, Entry, error) {
	if err := checkID(id); err != nil {
		return nil, Entry{}, err
	}
	s := m.read()
	if slices.Contains(s.core, id) {
		return nil, Entry{}, problem.Newf(problem.CoreService, "%q is a core service: it is always on and cannot be changed", id)
	}
	e, known := s.Find(id)
	if !known {
		e = Entry{Listing: Listing{ID: id}}
	}
	return s, e, check(s, e)
}

// away reports whether the agent did nothing and will do it by itself when it is back.
func away(err error) bool {
	return problem.AgentAway(err) || problem.HasCode(err, problem.ShuttingDown)
}

func (m *Manager) start(ctx context.Context, t *task) (Result, error) {
	return m.run(ctx, t, "started", func(ctx context.Context, on func(operation.Progress)) (Report, error) {
		return m.agent.Start(ctx, t.ID, Starting{Plan: t.Plan}, on)
	})
}

func (m *Manager) restart(ctx context.Context, t *task) (Result, error) {
	return m.run(ctx, t, "restarted", func(ctx context.Context, on func(operation.Progress)) (Report, error) {
		return m.agent.Restart(ctx, t.ID, on)
	})
}

func (m *Manager) run(ctx context.Context, t *task, done string, do startFunc) (Result, error) {
	report, err := m.bringUp(ctx, t, do)
	t.endByAgent(err)
	if err != nil {
		return Result{}, err
	}
	return Result{ID: t.ID, Action: done, Message: report.sentence(t.entry.Name, done), Warnings: report.Notes}, nil
}

func checkRun(s *Snapshot, e Entry) error {
	switch {
	case e.Status == "":
		return unknown(e.ID)
	case e.Status != Enabled:
		return problem.Newf(problem.NotEnabled, "extension %q is %s: enable it first with `dream enable %s`", e.ID, words(e.Status), e.ID)
	}
	return s.checkDependencies(e.ID)
}

func (m *Manager) stop(ctx context.Context, t *task) (Result, error) {
	t.enter(stageStop)
	err := m.agent.Stop(ctx, t.ID)
	t.endByAgent(err)
	if err != nil {
		return Result{}, err
	}
	r := Result{ID: t.ID, Action: "stopped", Message: t.entry.Name + " is stopped."}
	if t.entry.Status == Enabled {
		r.Message += " It stays enabled: `dream start " + t.ID + "` starts it again."
	}
	return r, nil
}

// endByAgent ends a change that touches no file. One that fails is not tried again behind the owner's back; one
// that the agent was not reached for never began.
func (t *task) endByAgent(err error) {
	switch {
	case away(err):
		t.Cancel()
	case problem.HasCode(err, problem.OutcomeUnknown):
		t.Leave()
	default:
		t.Done()
	}
}

func checkInstalled(s *Snapshot, e Entry) error {
	switch {
	case e.Status == "":
		return unknown(e.ID)
	case !s.Installed(e.ID):
		return notInstalled(e.ID)
	}
	return nil
}

// Logs is the end of the log of an extension or a core service, tail lines at most.
func (m *Manager) Logs(ctx context.Context, id string, tail int) (Logs, error) {
	if err := checkID(id); err != nil {
		return Logs{}, err
	}
	if _, ok := m.Snapshot().Find(id); !ok {
		return Logs{}, unknown(id)
	}
	return m.agent.Logs(ctx, id, tail)
}

func unknown(id string) error {
	return problem.Newf(problem.NotFound, "extension %q is not installed and not in the library: `dream list` shows all", id)
}

func notInstalled(id string) error {
	return problem.Newf(problem.NotFound, "extension %q is not installed: install it with `dream install %s`", id, id)
}

func words(s Status) string {
	if s == NotInstalled || s == Incompatible {
		return "not installed"
	}
	return string(s)
}

// sentence tells a person what a start did.
func (r Report) sentence(name, done string) string {
	switch {
	case r.Unchanged:
		return name + " runs already; nothing was changed."
	case len(r.Waiting) > 0:
		return name + " is " + done + ". It runs, and its healthcheck has not answered yet."
	case len(r.Containers) > 0 && !slices.ContainsFunc(r.Containers, func(c compose.Container) bool { return c.State == "running" }):
		return name + " is " + done + ". It ran to its end; nothing of it is running now."
	}
	return name + " is " + done + " and running" + r.address() + "."
}

// address is where the extension answers, when that is one port.
func (r Report) address() string {
	var found []compose.Port
	for _, c := range r.Containers {
		for _, p := range c.Ports {
			if p.Protocol == "tcp" && !slices.ContainsFunc(found, func(f compose.Port) bool { return f.Host == p.Host }) {
				found = append(found, p)
			}
		}
	}
	if len(found) != 1 {
		return ""
	}
	port := strconv.Itoa(found[0].Host)
	if addr, err := netip.ParseAddr(found[0].IP); err != nil || addr.Unmap().IsUnspecified() {
		return " on port " + port + " of every address of this machine"
	}
	return " at http://" + net.JoinHostPort(found[0].IP, port) + "/"
}

// fragment is the name of the enabled compose file of the extension.
func fragment(e Entry) string {
	if e.ComposeFile != "" {
		return e.ComposeFile
	}
	return compose.Fragment
}
