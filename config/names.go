package config

// DefaultNames are the names that shipped files use. An installation with other names has them replaced.
func DefaultNames() Names {
	return Names{Project: "dream-server", Network: "dream-network", Prefix: "dream-"}
}

// DefaultAgentPort is where the host agent listens on 127.0.0.1 unless DREAM_AGENT_PORT says otherwise. Shipped
// extensions leave it alone.
const DefaultAgentPort = 7710
