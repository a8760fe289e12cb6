package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
)

// env is a process environment.
func env(pairs map[string]string) func(string) string {
	return func(key string) string { return pairs[key] }
}

// install makes an installation with this .env file.
func install(t *testing.T, dotenv string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(dotenv), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoad_HasDefaultsForEverythingButTheFolder(t *testing.T) {
	got, err := config.Load(env(map[string]string{"HOME": "/home/ada"}))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Settings{
		Names:             config.Names{Project: "dream-server", Network: "dream-network", Prefix: "dream-"},
		InstallDir:        "/home/ada/dream-server",
		DataDir:           "/home/ada/dream-server/data",
		StateDir:          "/home/ada/dream-server/state",
		ServicesDir:       "/home/ada/dream-server/extensions/services",
		CatalogFile:       "/home/ada/dream-server/config/extensions-catalog.json",
		LibraryDir:        "/home/ada/dream-server/data/extensions-library",
		UserExtensionsDir: "/home/ada/dream-server/data/user-extensions",
		OperationsDir:     "/home/ada/dream-server/data/operations",
		EnvFile:           "/home/ada/dream-server/.env",
		UID:               -1,
		GID:               -1,
		AgentSocket:       "/home/ada/dream-server/run/agent.sock",
		AgentPort:         7710,
		AgentTCP:          true,
		APIHost:           "127.0.0.1",
		APIPort:           3002,
		DashboardHost:     "127.0.0.1",
		DashboardPort:     3001,
		APIURL:            "http://127.0.0.1:3002",
		LANAddress:        "127.0.0.1",
		GPUBackend:        "cpu",
		GPUCount:          1,
		Tier:              "1",
		Mode:              "local",
		StopTimeout:       20 * time.Second,
		LogLevel:          "info",
		Env:               map[string]string{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoad_ReadsDotEnvBelowTheProcess(t *testing.T) {
	dir := install(t, `
# written by the installer
DASHBOARD_API_KEY=key-of-the-api
DASHBOARD_API_PORT=4002
DREAM_DATA_DIR=elsewhere
DREAM_STATE_DIR=~/state
GPU_BACKEND=NVIDIA
TIER=SH_LARGE
DREAM_AGENT_PORT=
DREAM_UID=1000
DREAM_GID=1001
DREAM_STOP_TIMEOUT=45
DREAM_READ_ONLY=yes
DASHBOARD_ALLOWED_ORIGINS=https://a.example, http://b.example:3001
WHISPER_PORT=9000
N8N_PASS='pa$$ word'
`)
	got, err := config.Load(env(map[string]string{
		"DREAM_INSTALL_DIR":  dir,
		"DREAM_HOME":         "/never",
		"HOME":               "/home/ada",
		"DASHBOARD_API_PORT": "5002",
		"GPU_BACKEND":        "", // empty counts as unset
		"WHISPER_PORT":       "9001",
		"EDITOR":             "vi", // not a key of .env
	}))
	if err != nil {
		t.Fatal(err)
	}
	type picked struct {
		Data, State, Library, GPU, Tier, URL string
		APIPort, AgentPort, UID, GID         int
		APIKey, AgentKey                     string
		Stop                                 time.Duration
		ReadOnly                             bool
		Origins                              []string
		Env                                  map[string]string
	}
	want := picked{
		Data:    filepath.Join(dir, "elsewhere"),
		State:   "/home/ada/state",
		Library: filepath.Join(dir, "elsewhere", "extensions-library"),
		GPU:     "nvidia", Tier: "SH_LARGE", URL: "http://127.0.0.1:5002",
		APIPort: 5002, AgentPort: 7710, UID: 1000, GID: 1001,
		APIKey: "key-of-the-api", AgentKey: "key-of-the-api",
		Stop: 45 * time.Second, ReadOnly: true,
		Origins: []string{"https://a.example", "http://b.example:3001"},
		Env: map[string]string{
			"DASHBOARD_API_KEY": "key-of-the-api", "DASHBOARD_API_PORT": "5002", "DREAM_DATA_DIR": "elsewhere",
			"DREAM_STATE_DIR": "~/state", "GPU_BACKEND": "NVIDIA", "TIER": "SH_LARGE", "DREAM_AGENT_PORT": "",
			"DREAM_UID": "1000", "DREAM_GID": "1001", "DREAM_STOP_TIMEOUT": "45", "DREAM_READ_ONLY": "yes",
			"DASHBOARD_ALLOWED_ORIGINS": "https://a.example, http://b.example:3001",
			"WHISPER_PORT":              "9001", "N8N_PASS": "pa$$ word",
		},
	}
	if diff := cmp.Diff(want, picked{
		got.DataDir, got.StateDir, got.LibraryDir, got.GPUBackend, got.Tier, got.APIURL,
		got.APIPort, got.AgentPort, got.UID, got.GID, got.APIKey.Reveal(), got.AgentKey.Reveal(),
		got.StopTimeout, got.ReadOnly, got.AllowedOrigins, got.Env,
	}); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoad_NamesEveryInvalidValueAtOnce(t *testing.T) {
	dir := install(t, "DREAM_AGENT_PORT=99999\nDREAM_MODE=loca\nDREAM_AGENT_KEY='top secret'\nDREAM_AGENT_API_KEY='another secret'\n")
	_, err := config.Load(env(map[string]string{
		"DREAM_INSTALL_DIR":         dir,
		"DREAM_PROJECT":             "Dream Server",
		"DASHBOARD_API_URL":         "http://ada:hunter2@api",
		"DASHBOARD_ALLOWED_ORIGINS": "*",
		"DREAM_STOP_TIMEOUT":        "soon",
		"DREAM_READ_ONLY":           "maybe",
	}))
	want := strings.ReplaceAll(`DREAM_PROJECT (environment): "Dream Server" is not valid: write lower-case letters, digits, "_" and "-", such as dream-server
DREAM_AGENT_KEY (ENVFILE): holds a space or an unprintable or non-ASCII character: write printable ASCII, such as 64 hexadecimal digits
DREAM_AGENT_API_KEY (ENVFILE): holds a space or an unprintable or non-ASCII character: write printable ASCII, such as 64 hexadecimal digits
DREAM_READ_ONLY (environment): "maybe" is not valid: write true or false
DREAM_AGENT_PORT (ENVFILE): "99999" is not valid: write a port between 1 and 65535, or 0 for any free one
DASHBOARD_API_URL (environment): "…" is not valid: write a URL such as http://127.0.0.1:3002, without a user and password
DASHBOARD_ALLOWED_ORIGINS (environment): "*" is not valid: write origins such as https://dream.example:3001, with commas in between
DREAM_MODE (ENVFILE): "loca" is not valid: write local, hybrid, cloud or lemonade
DREAM_STOP_TIMEOUT (environment): "soon" is not valid: write a time such as 20s, at most 1h0m0s`, "ENVFILE", filepath.Join(dir, ".env"))
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("Load error (-want +got):\n%s", diff)
	}
}

func TestLoad_RefusesToGuessTheFolder(t *testing.T) {
	_, err := config.Load(env(nil))
	want := "DREAM_INSTALL_DIR: is not set, and neither is HOME: name the folder of the installation"
	if fmt.Sprint(err) != want {
		t.Errorf("Load error: %v\nwant: %s", err, want)
	}
}

func TestLoad_NotesADotEnvThatItMayNotRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := install(t, "DASHBOARD_PORT=9\n")
	if err := os.Chmod(filepath.Join(dir, ".env"), 0); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(env(map[string]string{"DREAM_INSTALL_DIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, ".env") + " may not be read by this user: only the process environment counts."}
	if diff := cmp.Diff(want, got.Notes); diff != "" {
		t.Errorf("Notes (-want +got):\n%s", diff)
	}
}

func TestLoad_SwitchesTCPOff(t *testing.T) {
	vars := map[string]string{"DREAM_INSTALL_DIR": t.TempDir(), "DREAM_AGENT_TCP": "Off"}
	got, err := config.Load(env(vars))
	if err != nil || got.AgentTCP || got.Notes != nil {
		t.Errorf("AgentTCP %v, notes %q, %v; want it off", got.AgentTCP, got.Notes, err)
	}
	vars["DREAM_AGENT_HOST"] = "127.0.0.1"
	if got, err = config.Load(env(vars)); err != nil {
		t.Fatal(err)
	}
	want := []string{"DREAM_AGENT_HOST asks for the agent over TCP, and DREAM_AGENT_TCP switches that off: remove one of them."}
	if diff := cmp.Diff(want, got.Notes); diff != "" {
		t.Errorf("Notes (-want +got):\n%s", diff)
	}
	vars["DREAM_AGENT_TCP"] = "sometimes"
	if _, err = config.Load(env(vars)); fmt.Sprint(err) != `DREAM_AGENT_TCP (environment): "sometimes" is not valid: write on or off` {
		t.Errorf("Load error: %v", err)
	}
}

func TestLoad_NotesASocketPathThatIsTooLong(t *testing.T) {
	dir := "/" + strings.Repeat("d", 120)
	got, err := config.Load(env(map[string]string{"DREAM_INSTALL_DIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"The agent's socket " + dir + "/run/agent.sock is a path of 136 bytes and Linux takes 107: set DREAM_AGENT_SOCKET to a shorter one."}
	if diff := cmp.Diff(want, got.Notes); diff != "" {
		t.Errorf("Notes (-want +got):\n%s", diff)
	}
}

func TestLoad_KnowsTheOlderNameOfTheFolder(t *testing.T) {
	got, err := config.Load(env(map[string]string{"DREAM_HOME": "/srv/dream/"}))
	if err != nil || got.InstallDir != "/srv/dream" {
		t.Errorf("Load: InstallDir %q, %v; want /srv/dream", got.InstallDir, err)
	}
}

func TestSettings_DoNotShowTheirSecrets(t *testing.T) {
	dir := install(t, "DASHBOARD_API_KEY=hunter2\n")
	s, err := config.Load(env(map[string]string{"DREAM_INSTALL_DIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	s.Env = nil // raw on purpose, and documented so
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, s); strings.Contains(text, "hunter2") {
			t.Errorf("Sprintf(%q) shows the key", format)
		}
	}
}
