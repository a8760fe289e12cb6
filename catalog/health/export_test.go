package health

var (
	// NewTransport is what New connects with.
	NewTransport = newTransport
	// AskHTTP probes once.
	AskHTTP = askHTTP
	// NewClient is what probes are made with.
	NewClient = newClient
)
