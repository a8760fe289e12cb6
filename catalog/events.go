package catalog

import (
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"dreamserver/catalog/operation"
)

// EventType says what an event is about.
type EventType string

// The types, with what their data are.
const (
	SnapshotEvent  EventType = "snapshot"  // there is another snapshot: a [SnapshotNews]
	ExtensionEvent EventType = "extension" // the state of one extension is another: an [ExtensionNews]
	HealthEvent    EventType = "health"    // one fares otherwise: a [HealthNews]
	AgentEvent     EventType = "agent"     // the host agent came, went, or says something else: an [AgentStatus]
	OperationEvent EventType = "operation" // a change goes on: an [operation.Operation]
)

// Event is one piece of news. It is immutable, and encoded once for all who hear it.
type Event struct {
	Seq  uint64 // grows by one with each
	Type EventType
	Data json.RawMessage
}

// SnapshotNews says that everything may be another.
type SnapshotNews struct {
	Generation uint64 `json:"generation"`
	// Resync tells that news were missed, so that what is known from others is to be asked for again.
	Resync bool `json:"resync,omitempty"`
}

// ExtensionNews is the state of an extension after it has changed. One that is gone has no status.
type ExtensionNews struct {
	ID      string `json:"id"`
	Status  Status `json:"status,omitempty"`
	Source  Source `json:"source,omitempty"`
	State   string `json:"state,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Pending string `json:"pending,omitempty"`
}

// HealthNews is how an extension fares after that has changed.
type HealthNews struct {
	ID     string    `json:"id"`
	Health string    `json:"health,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

// Bounds of what is kept of the news.
const (
	keptEvents  = 1024
	heardEvents = 64  // that a listener may be behind
	toldEntries = 100 // of one snapshot; when more of it is another, listeners ask for all
)

// news hands events to listeners and keeps the last ones for those who come back. The zero value is ready.
type news struct {
	mu        sync.Mutex
	last      uint64
	kept      []*Event // the last ones, oldest first
	listeners map[*Listener]bool
}

// Listener hears the news from one moment on.
type Listener struct {
	// Events is closed when the listener is too far behind, or has been closed.
	Events <-chan *Event
	// Missed reports whether something was told since the event that the listener knows and is not kept any more.
	Missed bool
	// From is the number of the newest event when the listening began.
	From uint64

	events chan *Event
	news   *news
}

// Listen hears what is told from now on, and what was told after the event with the number after, if that is still
// kept. 0 means from now on. The caller closes the listener.
func (m *Manager) Listen(after uint64) *Listener { return m.news.listen(after) }

func (n *news) listen(after uint64) *Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	var replay []*Event
	l := &Listener{news: n, From: n.last}
	if after > 0 {
		first := n.last - uint64(len(n.kept)) // the number before the oldest that is kept
		if after > n.last || after < first {
			l.Missed = true
		} else {
			replay = n.kept[after-first:]
		}
	}
	l.events = make(chan *Event, len(replay)+heardEvents)
	l.Events = l.events
	for _, e := range replay {
		l.events <- e
	}
	if n.listeners == nil {
		n.listeners = map[*Listener]bool{}
	}
	n.listeners[l] = true
	return l
}

// Close ends the listening. It may be called again.
func (l *Listener) Close() {
	l.news.mu.Lock()
	defer l.news.mu.Unlock()
	l.news.drop(l)
}

func (n *news) drop(l *Listener) {
	if n.listeners[l] {
		delete(n.listeners, l)
		close(l.events)
	}
}

// tell hands an event to all who listen. One who is too far behind is dropped, not waited for.
func (n *news) tell(t EventType, data any) {
	encoded, err := json.Marshal(data)
	if err != nil {
		return // none of our types fails
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	e := &Event{Seq: n.last, Type: t, Data: encoded}
	if n.kept = append(n.kept, e); len(n.kept) > keptEvents {
		n.kept = append([]*Event(nil), n.kept[len(n.kept)-keptEvents:]...)
	}
	for l := range n.listeners {
		select {
		case l.events <- e:
		default:
			n.drop(l)
		}
	}
}

// tellOperation is for the history.
func (m *Manager) tellOperation(o operation.Operation, milestone bool) {
	m.news.tell(OperationEvent, o.WithoutLog())             // who listens need not be one who may read logs
	if o.State != operation.Running || len(o.Stages) == 0 { // it is in the snapshot
		poke(m.live.going)
	}
	if watch := m.observer.Load(); milestone && watch != nil {
		(*watch)(o)
	}
}

// Observe has watch told of each operation when it begins, enters a stage and ends, whoever makes it. There is one watcher;
// it must not call the manager.
func (m *Manager) Observe(watch func(operation.Operation)) { m.observer.Store(&watch) }

// tellChange tells what makes one snapshot another than the one before.
func (n *news) tellChange(before, after *Snapshot) {
	if before != nil {
		if before.Agent != after.Agent {
			n.tell(AgentEvent, after.Agent)
		}
		var changed []any
		for _, pair := range pairs(before.Entries, after.Entries) {
			changed = append(changed, changesOf(pair[0], pair[1])...)
		}
		if len(changed) <= toldEntries {
			for _, c := range changed {
				switch c.(type) {
				case ExtensionNews:
					n.tell(ExtensionEvent, c)
				default:
					n.tell(HealthEvent, c)
				}
			}
		}
	}
	n.tell(SnapshotEvent, SnapshotNews{Generation: after.Generation})
}

// pairs are the entries of both lists by id, nil where one list has none. Both are sorted.
func pairs(before, after []Entry) [][2]*Entry {
	var out [][2]*Entry
	for i, j := 0, 0; i < len(before) || j < len(after); {
		switch {
		case j == len(after) || i < len(before) && before[i].ID < after[j].ID:
			out = append(out, [2]*Entry{&before[i], nil})
			i++
		case i == len(before) || before[i].ID > after[j].ID:
			out = append(out, [2]*Entry{nil, &after[j]})
			j++
		default:
			out = append(out, [2]*Entry{&before[i], &after[j]})
			i, j = i+1, j+1
		}
	}
	return out
}

func changesOf(before, after *Entry) (changed []any) {
	if after == nil {
		return []any{ExtensionNews{ID: before.ID}}
	}
	state, health := newsOf(after)
	if before == nil {
		return []any{state}
	}
	oldState, oldHealth := newsOf(before)
	if state != oldState {
		changed = append(changed, state)
	}
	if !reflect.DeepEqual(health, oldHealth) {
		changed = append(changed, health)
	}
	return changed
}

func newsOf(e *Entry) (ExtensionNews, HealthNews) {
	r := e.Runtime
	return ExtensionNews{e.ID, e.Status, e.Source, r.State, r.Reason, r.Pending}, HealthNews{e.ID, r.Health, r.HealthSince, r.HealthReason}
}
