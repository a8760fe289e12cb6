package agent

var (
	// Admits is tested without users.
	Admits = admits
	// Bounded is tested without a network.
	Bounded = bounded
	// CleanActor is tested without a request.
	CleanActor = cleanActor
	// LinesBackward is tested without a log.
	LinesBackward = linesBackward
)

// NewAuditLog opens one.
var NewAuditLog = newAuditLog

// The methods, by names that can be called.
var (
	WriteAudit = (*auditLog).write
	ReadAudit  = (*auditLog).read
	CloseAudit = (*auditLog).close
	Watch      = (*Server).watch
)
