package agent

import (
	"context"
	"strings"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
)

var (
	// Admits is tested without users.
	Admits = admits
	// Bounded is tested without a network.
	Bounded = bounded
	// LogTail is how many lines a request asks for, tested without Docker.
	LogTail = func(r Request) int { return r.query().Tail }
	// CleanActor is tested without a request.
	CleanActor = cleanActor
)

// Routes are what the agent can be asked for, as "GET /path".
func Routes(s config.Settings) []string {
	var names []string
	for _, r := range (&Server{opts: Options{Settings: s}}).routes() {
		names = append(names, r.method+" "+r.path)
	}
	return names
}

// NewAuditLog opens one.
var NewAuditLog = newAuditLog

// The methods, by names that can be called.
var (
	WriteAudit   = (*auditLog).write
	ReadAudit    = (*auditLog).read
	CloseAudit   = (*auditLog).close
	Watch        = (*Server).watch
	WatchDrift   = (*Server).watchDrift
	LookForDrift = (*Server).lookForDrift
)

// ParseMemory and ParseTicks are tested on texts.
var (
	ParseMemory = parseMemory
	ParseTicks  = parseTicks
)

// CountStorage is countStorage.
var CountStorage = countStorage

// ReadChange reads the reply of a change.
func ReadChange(reply string) (Done, error) { return readChange(strings.NewReader(reply), nil) }

// Busy is tested without an engine.
type Busy = busyTable

// TakeBusy is its method.
var TakeBusy = (*busyTable).take

// Prepare is what a start would approve: the file, and the model that it is of. done lets go of what was prepared. A plan
// prepares the same, and writes nothing.
func Prepare(ctx context.Context, s *Server, id string, plan bool) (file []byte, model map[string]any, done func(), err error) {
	want := toRun(nil)
	if plan {
		want = wanted{plan: &planning{id: id}}
	}
	p, err := s.prepare(ctx, id, want)
	if err != nil {
		return nil, nil, nil, err
	}
	model, err = compose.Model(p.project)
	return p.file, model, p.done, err
}

// HashOf is the hash of an extension's plan.
func HashOf(ctx context.Context, s *Server, id string) (string, error) {
	p, err := s.planOf(ctx, catalog.PlanRequest{ID: id}, nil)
	return p.Hash, err
}
