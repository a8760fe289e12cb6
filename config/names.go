package config

// DefaultNames are the names that shipped files use. An installation with other names has them replaced.
func DefaultNames() Names {
	return Names{Project: "dream-server", Network: "dream-network", Prefix: "dream-"}
}
