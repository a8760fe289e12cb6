// Package config holds the settings of the three programs and the JSON files that ship with them.
//
// Settings come from the process environment and, below it, from the install's .env file. The names and
// defaults are those of the reference system, so that an existing .env keeps working.
package config

import (
	"net"
	"path/filepath"
	"time"
)

// Names keeps two installations on one machine apart. Tests have their own.
type Names struct {
	Project string // compose project, DREAM_PROJECT, default dream-server
	Network string // Docker network that all services share, DREAM_NETWORK, default dream-network
	Prefix  string // of container names, DREAM_CONTAINER_PREFIX, default dream-
}

// Settings is everything that the programs read from outside. It is a value: copy it freely.
type Settings struct {
	Names Names

	InstallDir        string // DREAM_INSTALL_DIR, default ~/dream-server
	DataDir           string // DREAM_DATA_DIR, default <install>/data
	StateDir          string // DREAM_STATE_DIR, default <install>/state; the agent's alone
	ServicesDir       string // DREAM_EXTENSIONS_DIR, default <install>/extensions/services
	CatalogFile       string // DREAM_EXTENSIONS_CATALOG, default <install>/config/extensions-catalog.json
	LibraryDir        string // DREAM_EXTENSIONS_LIBRARY_DIR, default <data>/extensions-library
	UserExtensionsDir string // DREAM_USER_EXTENSIONS_DIR, default <data>/user-extensions
	OperationsDir     string // <data>/operations
	EnvFile           string // <install>/.env

	UID, GID int // DREAM_UID, DREAM_GID: the install's owner; -1 when not recorded

	AgentSocket string // DREAM_AGENT_SOCKET, default <install>/run/agent.sock
	// AgentHost is where a client reaches the agent over TCP, DREAM_AGENT_HOST. Empty means the socket.
	AgentHost string
	AgentPort int    // DREAM_AGENT_PORT, default 7710; on 127.0.0.1. 0 means any free port
	AgentTCP  bool   // DREAM_AGENT_TCP, default on: the agent listens there as well, not only on the socket
	AgentKey  Secret // DREAM_AGENT_KEY, else DASHBOARD_API_KEY
	// AgentAPIKey is what the API shows to the agent instead, DREAM_AGENT_API_KEY: it opens less. The agent alone reads
	// it here; the API's container has it as its DREAM_AGENT_KEY. Empty in an .env that is older.
	AgentAPIKey Secret

	APIKey         Secret   // DASHBOARD_API_KEY
	APIHost        string   // DASHBOARD_API_BIND, default 127.0.0.1
	APIPort        int      // DASHBOARD_API_PORT, default 3002. 0 means any free port
	DashboardHost  string   // DASHBOARD_BIND, default 127.0.0.1
	DashboardPort  int      // DASHBOARD_PORT, default 3001
	APIURL         string   // DASHBOARD_API_URL: where `dashboard-api ui` forwards /api, default http://127.0.0.1:<APIPort>
	AllowedOrigins []string // DASHBOARD_ALLOWED_ORIGINS, comma separated
	LANAddress     string   // DASHBOARD_LAN_ADDRESS, default 127.0.0.1: what the dashboard's port is published on
	AllowedHosts   []string // DASHBOARD_ALLOWED_HOSTS, comma separated: names under which the dashboard is reached
	ReadOnly       bool     // DREAM_READ_ONLY: the API refuses every change

	GPUBackend string // GPU_BACKEND, default cpu: nvidia, amd, intel, apple, cpu
	GPUCount   int    // GPU_COUNT, default 1
	Tier       string // TIER, default 1
	Mode       string // DREAM_MODE, default local: local, hybrid, cloud, lemonade

	DockerConfig string        // DOCKER_CONFIG for private registries; empty means none
	DockerHost   string        // DOCKER_HOST; empty means the engine's default socket
	StopTimeout  time.Duration // DREAM_STOP_TIMEOUT, default 20s: how long SIGTERM waits for running work
	LogLevel     string        // DREAM_LOG_LEVEL, default info

	// Env is the .env file merged below the process environment's values for the same keys. Fragments are
	// interpolated from it; it holds secrets and is never logged.
	Env map[string]string

	// Notes are what a person should know about the settings but what stops nothing, one sentence each.
	Notes []string
}

// ServesLAN reports whether the dashboard is published for other machines. Then it is on TLS, and at no other time.
func (s Settings) ServesLAN() bool {
	ip := net.ParseIP(s.LANAddress)
	return ip != nil && !ip.IsLoopback()
}

// TLSDir is where the dashboard's certificate is: cert.pem, with those between it and its authority behind it, and
// key.pem.
func (s Settings) TLSDir() string { return filepath.Join(s.InstallDir, "tls") }

// Secret is a string that does not show itself in logs and errors.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps encoders from showing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }
