package main

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
)

// watched is an output that calls seen when it has a match.
type watched struct {
	bytes.Buffer
	match *regexp.Regexp
	seen  func()
}

func (w *watched) Write(data []byte) (int, error) {
	n, err := w.Buffer.Write(data)
	if w.match.Match(w.Bytes()) {
		w.seen()
	}
	return n, err
}

// It ends well when it is interrupted.
func TestEvents_TellsWhatOthersDo(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"events"}, `(?m)^20[^ ]+Z  install of hello: failed: extension "hello": it ended$`},
		{[]string{"events", "--json"}, `(?m)^{"time":"20[^"]+Z","type":"operation","data":{"id":"01a1fab4-0002-7c0d-.*"state":"failed".*}$`},
	} {
		f := &fakeAgent{}
		d := newDesk(t, f)
		ctx, interrupt := context.WithTimeout(t.Context(), 30*time.Second)
		defer interrupt()
		f.follow = func() { d.record(recorded[1:2]) }
		out, stderr := &watched{match: regexp.MustCompile(tt.want), seen: interrupt}, &strings.Builder{}
		if code := d.runOn(ctx, out, stderr, tt.args...); code != 0 || stderr.Len() > 0 {
			t.Errorf("dream %v: exit code %d, stderr %q", tt.args, code, stderr)
		}
		if !out.match.Match(out.Bytes()) {
			t.Errorf("dream %v: %s\nwant %s", tt.args, out, tt.want)
		}
	}
}

func TestTeller_SaysWhatPeopleNeed(t *testing.T) {
	running := operation.Operation{ID: "1", Kind: operation.Install, Extension: "hello", Actor: "cli:ada", State: operation.Running}
	pulling := running
	pulling.Stages = []operation.Stage{{Name: "pull", Percent: 1}}
	further := running
	further.Stages = []operation.Stage{{Name: "pull", Percent: 50}}
	done := running
	done.State = operation.Succeeded
	teller := newTeller(&catalog.Snapshot{Entries: []catalog.Entry{
		{Listing: catalog.Listing{ID: "quiet"}, Status: catalog.Enabled, Runtime: catalog.Runtime{State: "running"}},
	}})
	for _, tt := range []struct {
		event catalog.EventType
		data  any
		want  string
	}{
		{catalog.SnapshotEvent, catalog.SnapshotNews{Generation: 3}, ""},
		{catalog.AgentEvent, catalog.AgentStatus{Reason: "no socket"}, "the host agent is away: no socket"},
		{catalog.AgentEvent, catalog.AgentStatus{Available: true, Version: "1.0"}, "the host agent is there, 1.0"},
		{catalog.AgentEvent, catalog.AgentStatus{Available: true, Version: "1.0", Docker: "it hangs"}, "the host agent is there, and Docker is not: it hangs"},
		{catalog.AgentEvent, catalog.AgentStatus{Available: true, Version: "1.0", Mismatch: "it is 1.0"}, "the host agent is there: it is 1.0"},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "hello"}, "hello is gone"},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "hello", Status: catalog.Disabled, State: "not_deployed"}, "hello is disabled"},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "hello", Status: catalog.Enabled, State: "failed", Reason: "it ended"}, "hello is enabled, failed: it ended"},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "hello", Status: catalog.Enabled, State: "unknown", Reason: "the agent is away"}, ""},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "hello", Status: catalog.Disabled, State: "unknown", Pending: "disable"}, "hello is disabled (disable pending)"},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "quiet", Status: catalog.Enabled, State: "unknown"}, ""},
		{catalog.ExtensionEvent, catalog.ExtensionNews{ID: "quiet", Status: catalog.Enabled, State: "running"}, ""}, // as it was
		{catalog.HealthEvent, catalog.HealthNews{ID: "hello", Health: "healthy"}, ""},                               // it was already
		{catalog.HealthEvent, catalog.HealthNews{ID: "hello", Health: "down", Reason: "refused"}, "hello fares: down: refused"},
		{catalog.HealthEvent, catalog.HealthNews{ID: "hello", Health: "unknown", Reason: "the agent is away"}, ""},
		{catalog.HealthEvent, catalog.HealthNews{ID: "hello", Health: "down", Reason: "refused"}, ""},
		{catalog.HealthEvent, catalog.HealthNews{ID: "hello", Health: "healthy"}, "hello fares: healthy"},
		{catalog.OperationEvent, running, "install of hello begins, for cli:ada"},
		{catalog.OperationEvent, pulling, "install of hello: pull"},
		{catalog.OperationEvent, further, ""},
		{catalog.OperationEvent, done, "install of hello: succeeded"},
	} {
		data, err := json.Marshal(tt.data)
		if err != nil {
			t.Fatal(err)
		}
		if got := teller.tell(&catalog.Event{Type: tt.event, Data: data}); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.event, data, got, tt.want)
		}
	}
	if len(teller.operations) > 0 {
		t.Errorf("what has ended is kept: %v", teller.operations)
	}
}
