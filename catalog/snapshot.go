package catalog

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// Snapshot is the state of every extension at one moment. It is immutable.
type Snapshot struct {
	// Generation grows by one with each change that a reader can see; 0 for a snapshot that was read for one reader.
	Generation       uint64
	Entries          []Entry // sorted by id
	Agent            AgentStatus
	LibraryAvailable bool
	GPUBackend       string
	Machine          Machine
	Skipped          []compose.Skip // folders that take no part although somebody put them there

	core      []string // ids of core services
	reserved  []string // ids that only built-in extensions may have
	installed map[string]bool
	enabled   map[string]bool // compose file present, whatever else is wrong
}

// Snapshot is the state of every extension now. While [Manager.Live] runs it is kept up to date, and reading it costs
// nothing: no file, no lock, no network. Else the folders are read for this caller.
func (m *Manager) Snapshot() *Snapshot {
	if s := m.live.current.Load(); s != nil {
		return s
	}
	m.shelves.touchAll()
	s, _ := m.readRated(math.MaxInt)
	return s
}

// read looks at every folder and puts what they say together with what is known of the containers. It does not wait for
// the agent. Changes decide by this: what was published may be some milliseconds old.
func (m *Manager) read() *Snapshot {
	m.shelves.touchAll()
	s, _ := m.readRated(0)
	return s
}

// readRated looks at the folders that have been touched, and takes the others as they were. It judges as many extensions
// for their rating as it may, and returns the ids of those that are left.
func (m *Manager) readRated(judge int) (s *Snapshot, unrated []string) {
	run := m.runtime.Load()
	s = &Snapshot{Agent: run.agent, GPUBackend: m.settings.GPUBackend, Machine: m.machine(), installed: map[string]bool{}, enabled: map[string]bool{}}
	b := snapshotBuilder{manager: m, snapshot: s, shown: map[string]shown{}}
	b.reserved()
	b.library()
	b.place(m.shelves.services, FromCore)
	b.place(m.shelves.user, FromUser)
	entries, folders := b.sorted()
	s.Entries = entries
	if m.rates {
		unrated = m.rate(s, folders, judge)
	}
	pending, err := m.journal.Unfinished()
	if err != nil {
		m.log.Warn().Err(err).Msg("unfinished changes cannot be read")
	}
	going, containers := m.going(), s.containersByOwner(run.state.Containers)
	for i := range s.Entries {
		e := &s.Entries[i]
		e.Runtime = runtimeOf(e, run, containers[e.ID], pending[e.ID])
		e.Runtime.Operation = going[e.ID]
		m.live.health.tell(e)
		e.Reach = reachOf(e, m.settings.Env)
	}
	return s, unrated
}

// Find is the entry with this id.
func (s *Snapshot) Find(id string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(s.Entries, id, func(e Entry, id string) int { return cmp.Compare(e.ID, id) })
	if !ok {
		return Entry{}, false
	}
	return s.Entries[i], true
}

// Installed reports whether the extension's files are in place: built in, or installed by somebody.
func (s *Snapshot) Installed(id string) bool { return s.installed[id] }

// enabledOnDisk reports whether the compose file has its enabled name, whatever else is wrong.
func (s *Snapshot) enabledOnDisk(id string) bool { return s.enabled[id] }

// isReserved reports whether an extension of the library or an installed one may not have the id.
func (s *Snapshot) isReserved(id string) bool {
	return config.ReservedID(id) || slices.Contains(s.reserved, id)
}

// Count sums up a list.
func Count(entries []Entry) Counts {
	c := Counts{Total: len(entries)}
	for _, e := range entries {
		switch e.Status {
		case Enabled:
			c.Enabled++
		case Disabled:
			c.Disabled++
		case NotInstalled:
			c.NotInstalled++
		case Incompatible:
			c.Incompatible++
		}
	}
	c.Installed = c.Enabled + c.Disabled
	return c
}

// ResolveName finds an extension by id, alias or container name. The error names what comes near. The id of a
// folder that is skipped resolves too: whoever asks for it learns why it is.
func (s *Snapshot) ResolveName(name string) (string, error) {
	if _, ok := s.Find(name); ok || slices.ContainsFunc(s.Skipped, func(k compose.Skip) bool { return k.ID == name && name != "" }) {
		return name, nil
	}
	for _, e := range s.Entries {
		if slices.Contains(e.Aliases, name) || name == e.containerName && name != "" || name == config.DefaultNames().Prefix+e.ID {
			return e.ID, nil
		}
	}
	ids := make([]string, len(s.Entries))
	for i, e := range s.Entries {
		ids[i] = e.ID
	}
	err := problem.Newf(problem.NotFound, "no extension is called %q: `dream list` shows all", name)
	if near := Near(name, ids); len(near) > 0 {
		err = problem.Newf(problem.NotFound, "no extension is called %q; did you mean %s?", name, strings.Join(near, ", "))
	}
	return "", err
}

// Near is the names, three at most, that somebody may have meant who wrote this one; the likely ones first.
func Near(name string, all []string) (near []string) {
	if len(name) < 3 {
		return nil
	}
	var begin []string
	for _, other := range all {
		switch {
		case strings.Contains(other, name) || strings.Contains(name, other):
			near = append(near, other)
		case strings.HasPrefix(other, name[:2]):
			begin = append(begin, other)
		}
	}
	near = append(near, begin...)
	return near[:min(3, len(near))]
}
