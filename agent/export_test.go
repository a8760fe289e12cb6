package agent

var (
	// Admits is tested without users.
	Admits = admits
	// Bounded is tested without a network.
	Bounded = bounded
)
