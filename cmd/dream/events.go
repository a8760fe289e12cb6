package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/catalog/operation"
	"dreamserver/internal/printable"
)

func (a *app) eventsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "events",
		Short: "Tell what happens, as it happens, until Ctrl-C",
		Long: `Changes of extensions and of how they fare, operations, and whether the host agent is there: read from the installation's
files and the host agent, so that it works while the API is down. With --json each event is a line with its "time", "type" and
"data", which are those of GET /api/events; there the steps of operations and new snapshots are told, too.`,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.events(ctx) }),
	}
}

func (a *app) events(ctx context.Context) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	in.manager.Refresh(ctx) // what is so already is no news
	a.warnAgent(in.manager.Snapshot().Agent)
	teller := newTeller(in.manager.Snapshot())
	heard := hear(ctx, in.manager, func(e *catalog.Event) {
		now := time.Now().UTC()
		if a.json {
			_ = writeLine(a.stdout, toldEvent{now, e.Type, e.Data}) // who reads no more has ended us
		} else if text := teller.tell(e); text != "" {
			a.print("%s  %s", now.Format(time.RFC3339), printable.Line(text))
		}
	}, func() { a.warn("some of what happened is not told, because it was not read in time") })
	in.manager.Live(ctx) // until it is interrupted, which is how it is meant to end
	<-heard
	return nil
}

// toldEvent is an event as programs read it.
type toldEvent struct {
	Time time.Time         `json:"time"` // when it was told
	Type catalog.EventType `json:"type"`
	Data json.RawMessage   `json:"data"`
}

// teller puts events into words. It remembers what it has told last: while the host agent is away nobody knows how anything
// fares, and when it is back most is as it was.
type teller struct {
	operations, states, health map[string]string // id → what was said
}

// newTeller knows what is so already.
func newTeller(s *catalog.Snapshot) *teller {
	t := &teller{map[string]string{}, map[string]string{}, map[string]string{}}
	for _, e := range s.Entries {
		t.extensionNews(catalog.ExtensionNews{ID: e.ID, Status: e.Status, State: e.Runtime.State, Reason: e.Runtime.Reason, Pending: e.Runtime.Pending})
	}
	return t
}

// news is the text, or empty when it was told last of that.
func news(told map[string]string, id, text string) string {
	if told[id] == text {
		return ""
	}
	told[id] = text
	return text
}

// tell is empty for what people need not hear.
func (t *teller) tell(e *catalog.Event) string {
	switch e.Type {
	case catalog.AgentEvent:
		return tellAs(e, agentNews)
	case catalog.ExtensionEvent:
		return tellAs(e, t.extensionNews)
	case catalog.HealthEvent:
		return tellAs(e, t.healthNews)
	case catalog.OperationEvent:
		return tellAs(e, t.operationNews)
	}
	return ""
}

func tellAs[T any](e *catalog.Event, words func(T) string) string {
	var v T
	if json.Unmarshal(e.Data, &v) != nil {
		return "" // none of ours
	}
	return words(v)
}

func agentNews(s catalog.AgentStatus) string {
	switch {
	case !s.Available:
		return "the host agent is away: " + s.Reason
	case s.Docker != "":
		return "the host agent is there, and Docker is not: " + s.Docker
	case s.Mismatch != "":
		return "the host agent is there: " + s.Mismatch
	}
	return "the host agent is there, " + s.Version
}

func (t *teller) extensionNews(n catalog.ExtensionNews) string {
	if n.Status == "" {
		return news(t.states, n.ID, n.ID+" is gone")
	}
	text := fmt.Sprintf("%s is %s", n.ID, n.Status)
	if n.State == "unknown" { // the agent is away
		if n.Pending == "" && strings.HasPrefix(t.states[n.ID], text) {
			return ""
		}
		n.State, n.Reason = "", ""
	}
	if n.State != "" && n.State != "not_deployed" {
		text += ", " + n.State
	}
	if n.Reason != "" {
		text += ": " + n.Reason
	}
	if n.Pending != "" {
		text += " (" + n.Pending + " pending)"
	}
	return news(t.states, n.ID, text)
}

// healthNews tells nothing of what is heard first, which is so already: it is asked when the listening begins.
func (t *teller) healthNews(n catalog.HealthNews) string {
	if n.Health == "" || n.Health == string(health.Unknown) {
		return "" // what follows from the agent's being away, or from what the extension is
	}
	_, known := t.health[n.ID]
	text := fmt.Sprintf("%s fares: %s", n.ID, n.Health)
	if n.Reason != "" {
		text += ": " + n.Reason
	}
	if text = news(t.health, n.ID, text); !known {
		return ""
	}
	return text
}

// operationNews tells of the beginning, each stage and the end.
func (t *teller) operationNews(o operation.Operation) string {
	text := titleOf(o)
	_, known := t.operations[o.ID]
	switch stage, ok := present(o); {
	case o.State == operation.Running && !known:
		text = fmt.Sprintf("%s of %s begins, for %s", o.Kind, o.Extension, o.Actor)
	case o.State == operation.Running && ok:
		text = fmt.Sprintf("%s of %s: %s", o.Kind, o.Extension, stage.Name)
	case o.Error != nil:
		cause, _, _ := strings.Cut(o.Error.Detail, "\n")
		text += ": " + cause
	}
	text = news(t.operations, o.ID, text)
	if o.State.Ended() {
		delete(t.operations, o.ID)
	}
	return text
}
