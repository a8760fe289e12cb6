package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxSocketPath is what fits into a socket address on Linux, in bytes.
const maxSocketPath = 107

// Load reads the settings from the process environment, getenv, and below it from the .env file of the
// installation. An empty variable counts as unset. Relative paths are relative to the working directory when
// the environment names them, and to the installation when .env does; a leading "~/" is the home directory.
//
// The error names every invalid value at once, with its key and what is wanted; never a secret. A .env that
// may not be read is no error, because the API is not meant to read it: [Settings.Notes] says so.
func Load(getenv func(string) string) (Settings, error) {
	src, err := newSource(getenv)
	if err != nil {
		return Settings{}, err
	}
	s := Settings{InstallDir: src.installDir, EnvFile: filepath.Join(src.installDir, ".env")}
	src.envFile = s.EnvFile
	src.file, err = ReadEnv(s.EnvFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		s.Notes = append(s.Notes, s.EnvFile+" may not be read by this user: only the process environment counts.")
	case err != nil:
		src.errs = append(src.errs, err)
	}
	s.paths(src)
	s.identity(src)
	s.addresses(src)
	s.platform(src)
	s.Env = src.merged()
	if n := len(s.AgentSocket); n > maxSocketPath {
		s.Notes = append(s.Notes, fmt.Sprintf("The agent's socket %s is a path of %d bytes and Linux takes %d: set DREAM_AGENT_SOCKET to a shorter one.", s.AgentSocket, n, maxSocketPath))
	}
	return s, errors.Join(src.errs...)
}

// paths are where things are on disk. Each has its place below the installation until it is moved.
func (s *Settings) paths(src *source) {
	s.DataDir = src.path("DREAM_DATA_DIR", filepath.Join(s.InstallDir, "data"))
	s.StateDir = src.path("DREAM_STATE_DIR", filepath.Join(s.InstallDir, "state"))
	s.ServicesDir = src.path("DREAM_EXTENSIONS_DIR", filepath.Join(s.InstallDir, "extensions", "services"))
	s.CatalogFile = src.path("DREAM_EXTENSIONS_CATALOG", filepath.Join(s.InstallDir, "config", "extensions-catalog.json"))
	s.LibraryDir = src.path("DREAM_EXTENSIONS_LIBRARY_DIR", filepath.Join(s.DataDir, "extensions-library"))
	s.UserExtensionsDir = src.path("DREAM_USER_EXTENSIONS_DIR", filepath.Join(s.DataDir, "user-extensions"))
	s.OperationsDir = filepath.Join(s.DataDir, "operations")
	s.AgentSocket = src.path("DREAM_AGENT_SOCKET", filepath.Join(s.InstallDir, "run", "agent.sock"))
	s.DockerConfig = src.path("DOCKER_CONFIG", "")
}

// identity is who the installation is: its names in Docker, its owner, its keys.
func (s *Settings) identity(src *source) {
	names := DefaultNames()
	s.Names = Names{
		Project: src.text("DREAM_PROJECT", names.Project, isProject, `lower-case letters, digits, "_" and "-", such as dream-server`),
		Network: src.text("DREAM_NETWORK", names.Network, isDockerName, `letters, digits, "_", "." and "-", such as dream-network`),
		Prefix:  src.text("DREAM_CONTAINER_PREFIX", names.Prefix, isDockerName, `letters, digits, "_", "." and "-", such as dream-`),
	}
	s.UID = src.number("DREAM_UID", -1, 1<<31-1, "a user's number, such as 1000")
	s.GID = src.number("DREAM_GID", -1, 1<<31-1, "a group's number, such as 1000")
	s.APIKey = src.secret("DASHBOARD_API_KEY")
	s.AgentKey = src.secret("DREAM_AGENT_KEY")
	if s.AgentKey == "" {
		s.AgentKey = s.APIKey
	}
	s.AgentAPIKey = src.secret("DREAM_AGENT_API_KEY")
	s.ReadOnly = src.flag("DREAM_READ_ONLY")
}

// addresses are where the three programs listen and reach each other.
func (s *Settings) addresses(src *source) {
	const port = "a port between 1 and 65535, or 0 for any free one"
	const host = "a host name or an IP address, without a scheme and port"
	s.AgentHost = src.text("DREAM_AGENT_HOST", "", isHost, host)
	s.AgentPort = src.number("DREAM_AGENT_PORT", DefaultAgentPort, 65535, port)
	s.AgentTCP = src.oneOf("DREAM_AGENT_TCP", "on", "on", "off") == "on"
	if s.AgentHost != "" && !s.AgentTCP {
		s.Notes = append(s.Notes, "DREAM_AGENT_HOST asks for the agent over TCP, and DREAM_AGENT_TCP switches that off: remove one of them.")
	}
	s.APIHost = src.text("DASHBOARD_API_BIND", "127.0.0.1", isHost, host)
	s.APIPort = src.number("DASHBOARD_API_PORT", 3002, 65535, port)
	s.DashboardHost = src.text("DASHBOARD_BIND", "127.0.0.1", isHost, host)
	s.DashboardPort = src.number("DASHBOARD_PORT", 3001, 65535, port)
	s.APIURL = src.text("DASHBOARD_API_URL", "http://127.0.0.1:"+strconv.Itoa(s.APIPort), isURL, "a URL such as http://127.0.0.1:3002, without a user and password")
	s.DockerHost = src.text("DOCKER_HOST", "", isDockerHost, "an address such as unix:///var/run/docker.sock")
	s.LANAddress = src.text("DASHBOARD_LAN_ADDRESS", "127.0.0.1", isIP, "an IP address of this machine, such as 192.168.1.5, or 0.0.0.0 for all")
	s.AllowedHosts = src.list("DASHBOARD_ALLOWED_HOSTS", isHostName, "host names such as dream.lan, without scheme and port, with commas in between")
	s.AllowedOrigins = src.list("DASHBOARD_ALLOWED_ORIGINS", isOrigin, "origins such as https://dream.example:3001, with commas in between")
}

// platform is the machine, and how the programs behave on it.
func (s *Settings) platform(src *source) {
	s.GPUBackend = src.oneOf("GPU_BACKEND", "cpu", "nvidia", "amd", "intel", "apple", "cpu")
	s.GPUCount = src.number("GPU_COUNT", 1, 1024, "how many GPUs there are")
	s.Tier = src.text("TIER", "1", isTier, `letters, digits and "_", such as 1 or SH_LARGE`)
	s.Mode = src.oneOf("DREAM_MODE", "local", "local", "hybrid", "cloud", "lemonade")
	s.StopTimeout = src.duration("DREAM_STOP_TIMEOUT", 20*time.Second, time.Hour)
	s.LogLevel = src.oneOf("DREAM_LOG_LEVEL", "info", "trace", "debug", "info", "warn", "error")
}

// newSource finds the installation. DREAM_HOME is the older name that the command line knows.
func newSource(getenv func(string) string) (*source, error) {
	src := &source{getenv: getenv, home: getenv("HOME")}
	for _, key := range []string{"DREAM_INSTALL_DIR", "DREAM_HOME"} {
		if dir := strings.TrimSpace(getenv(key)); dir != "" {
			src.installDir = src.path(key, "")
			return src, errors.Join(src.errs...)
		}
	}
	if !filepath.IsAbs(src.home) {
		return nil, errors.New("DREAM_INSTALL_DIR: is not set, and neither is HOME: name the folder of the installation")
	}
	src.installDir = filepath.Join(src.home, "dream-server")
	return src, nil
}
