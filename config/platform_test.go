package config_test

import (
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
)

func TestPlatformEnv(t *testing.T) {
	s := config.Settings{
		GPUBackend: "amd", GPUCount: 2, Tier: "SH_LARGE", Mode: "hybrid", UID: 1000, GID: -1,
		Env: map[string]string{
			"GPU_BACKEND": "AMD", "LLM_API_URL": "http://llama-server:8080", "VIDEO_GID": "", "TIMEZONE": "Europe/Berlin",
			"N8N_PASS": "hunter2", "DASHBOARD_API_KEY": "hunter2",
		},
	}
	want := map[string]string{
		"GPU_BACKEND": "amd", "GPU_COUNT": "2", "TIER": "SH_LARGE", "DREAM_MODE": "hybrid", "DREAM_VERSION": config.Version(),
		"UID": "1000", "PUID": "1000", "LLM_API_URL": "http://llama-server:8080",
		"TIMEZONE": "Europe/Berlin", "TZ": "Europe/Berlin",
	}
	if diff := cmp.Diff(want, s.PlatformEnv()); diff != "" {
		t.Errorf("PlatformEnv (-want +got):\n%s", diff)
	}
}

func TestPlatformKeys_HoldNoSecretAndNoKeyTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range config.PlatformKeys {
		if config.IsPlatformSecret(k.Key) || seen[k.Key] || k.Meaning == "" {
			t.Errorf("%+v is a secret, there twice, or without a meaning", k)
		}
		seen[k.Key] = true
	}
}

func TestIsPlatformSecret(t *testing.T) {
	tests := map[string]bool{
		"DASHBOARD_API_KEY": true, "DREAM_AGENT_KEY": true, "DREAM_AGENT_API_KEY": true, "dream_agent_key": true, "DREAM_SESSION_SECRET": true, "WEBUI_SECRET": true,
		"OPENAI_API_KEY": false, "LITELLM_KEY": false, "DREAM_MODE": false, "DASHBOARD_PORT": false, "": false,
	}
	for key, want := range tests {
		if got := config.IsPlatformSecret(key); got != want {
			t.Errorf("IsPlatformSecret(%q) = %v, want %v", key, got, want)
		}
	}
}

func TestCoreServiceIDs_ThatAreShipped(t *testing.T) {
	data, err := os.ReadFile("core-service-ids.json")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := config.ReadCoreIDs(data)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(ids) || len(ids) != 16 {
		t.Errorf("%d ids, want 16 in order: %v", len(ids), ids)
	}
	for _, id := range ids {
		if config.ReservedID(id) {
			t.Errorf("%q is the id of a service and reserved for a folder: %s", id, config.ReservedReason(id))
		}
	}
}

func TestReadCoreIDs_Refuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no list", `{"a":1}`, "core-service-ids.json: json: cannot unmarshal object into Go value of type []string: write a list of ids"},
		{"empty", `[]`, "core-service-ids.json: lists no id: write the ids of the built-in services"},
		{"no id", `["a", "B"]`, `core-service-ids.json: entry 1, "B", is not a service id`},
		{"line break", `["a\n"]`, `core-service-ids.json: entry 0, "a\n", is not a service id`},
		{"twice", `["a", "a"]`, `core-service-ids.json: "a" is there twice: keep one`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.ReadCoreIDs([]byte(tt.in))
			if err == nil || err.Error() != tt.want {
				t.Errorf("ReadCoreIDs error: %v\nwant: %s", err, tt.want)
			}
		})
	}
}

func TestReservedID(t *testing.T) {
	for _, id := range []string{
		"agent", "operations", "dream-n8n", "user-extensions", "extensions-library", "config", "models", "state", "run",
		"approved", "trees", "extensions", "services", "library", "docker", "dream", "catalog", "dream-n8n",
	} {
		if !config.ReservedID(id) {
			t.Errorf("ReservedID(%q) = false, want true", id)
		}
	}
	for _, id := range []string{"", "n8n", "llama-server", "agents"} {
		if config.ReservedID(id) {
			t.Errorf("ReservedID(%q) = true, want false", id)
		}
	}
}

func TestVersion_IsSemverAndNamesTheCommit(t *testing.T) {
	if v, err := semver.NewVersion(config.Version()); err != nil || v.Major() < 2 {
		t.Errorf("Version() = %q: %v; want 2.1.0 or newer", config.Version(), err)
	}
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: strings.Repeat("0123456789", 4)}, {Key: "vcs.modified", Value: "true"}}
	if got, want := config.WithRevision("2.1.0-dev", settings), "2.1.0-dev+012345678901.dirty"; got != want {
		t.Errorf("WithRevision = %q, want %q", got, want)
	}
	if got, want := config.WithRevision("2.1.0-dev", nil), "2.1.0-dev"; got != want {
		t.Errorf("WithRevision = %q, want %q", got, want)
	}
}
