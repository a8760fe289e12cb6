package agent

import (
	"strings"

	"dreamserver/config"
)

var (
	// Admits is tested without users.
	Admits = admits
	// Bounded is tested without a network.
	Bounded = bounded
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
