package health

var (
	// WithTransport is New with another transport: a test of times has no network.
	WithTransport = newProber
	// NewTransport is what New connects with.
	NewTransport = newTransport
	// AskHTTP probes once.
	AskHTTP = askHTTP
	// NewClient is what probes are made with.
	NewClient = newClient
	// Pause is the time between two probes.
	Pause = (*Options).pause
)
