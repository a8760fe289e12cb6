package config

import (
	"slices"
	"strconv"
	"strings"
)

// PlatformKey is a variable that every extension's fragment may read without declaring it.
type PlatformKey struct{ Key, Meaning string }

// PlatformKeys are the facts about this machine that fragments in the field rely on. None is a secret; what is
// a secret, or belongs to one extension, must be declared in that extension's manifest.
var PlatformKeys = []PlatformKey{
	{"GPU_BACKEND", "what computes: nvidia, amd, intel, apple or cpu"},
	{"GPU_COUNT", "how many GPUs there are"},
	{"TIER", "the machine's size class, which chooses models"},
	{"HOST_RAM_GB", "the machine's memory in gigabytes"},
	{"VIDEO_GID", "the number of the host's group video, for AMD devices"},
	{"RENDER_GID", "the number of the host's group render, for AMD devices"},
	{"HSA_OVERRIDE_GFX_VERSION", "the GPU version that ROCm is to assume"},
	{"COMFYUI_GPU_UUID", "the GPU that image generation is assigned to"},
	{"EMBEDDINGS_GPU_UUID", "the GPU that embeddings are assigned to"},
	{"WHISPER_GPU_UUID", "the GPU that speech recognition is assigned to"},

	{"DREAM_MODE", "where models run: local, hybrid, cloud or lemonade"},
	{"DREAM_VERSION", "the version of Dream Server"},
	{"LLM_API_URL", "where services reach the language model"},
	{"LLM_BACKEND", "what serves the language model"},
	{"LLM_MODEL", "the name of the language model in use"},
	{"BOOTSTRAP_MODEL", "the small model that serves until the chosen one is downloaded"},
	{"CTX_SIZE", "the context window of the language model, in tokens"},
	{"MAX_CONTEXT", "the largest context window that fits the machine, in tokens"},
	{"LANGFUSE_ENABLED", "whether services send traces to Langfuse"},

	{"UID", "the number of the user who owns the installation"},
	{"GID", "the number of that user's group"},
	{"PUID", "UID, by the name that linuxserver.io images read"},
	{"PGID", "GID, by the name that linuxserver.io images read"},
	{"TZ", "the time zone, such as Europe/Berlin"},
	{"TIMEZONE", "TZ, by its older name"},
	{"BIND_ADDRESS", "the address that ports are published on"},
}

// PlatformEnv is the values of [PlatformKeys] that are known here. A key that is missing counts as unset, so
// that the fragment's own default applies.
func (s Settings) PlatformEnv() map[string]string {
	env := map[string]string{}
	for _, k := range PlatformKeys {
		if v := s.Env[k.Key]; v != "" {
			env[k.Key] = v
		}
	}
	// Where the settings have checked or computed a value, it wins over the raw text.
	for key, value := range map[string]string{
		"GPU_BACKEND":   s.GPUBackend,
		"GPU_COUNT":     strconv.Itoa(s.GPUCount),
		"TIER":          s.Tier,
		"DREAM_MODE":    s.Mode,
		"DREAM_VERSION": Version(),
		"UID":           owner(s.UID),
		"GID":           owner(s.GID),
	} {
		if value != "" {
			env[key] = value
		}
	}
	for _, same := range [][2]string{{"PUID", "UID"}, {"PGID", "GID"}, {"TZ", "TIMEZONE"}, {"TIMEZONE", "TZ"}} {
		if v, ok := env[same[1]]; ok && env[same[0]] == "" {
			env[same[0]] = v
		}
	}
	return env
}

func owner(id int) string {
	if id < 0 {
		return ""
	}
	return strconv.Itoa(id)
}

// IsPlatformSecret reports whether key is one of the platform's own secrets. No extension gets its value, not
// even one that declares the key. The keys of services (LITELLM_KEY) and of the owner's accounts
// (OPENAI_API_KEY) are no platform secrets.
func IsPlatformSecret(key string) bool {
	key = strings.ToUpper(key)
	switch key {
	case "WEBUI_SECRET", "WEBUI_SECRET_KEY", // sign the sessions of the core service open-webui
		"LLM_API_KEY": // the owner's key of the language model, which open-webui has
		return true
	}
	if !strings.HasPrefix(key, "DREAM_") && !strings.HasPrefix(key, "DASHBOARD_") {
		return false
	}
	for _, end := range []string{"_KEY", "_KEYS", "_SECRET", "_TOKEN", "_PASSWORD", "_PASS"} {
		if strings.HasSuffix(key, end) {
			return true
		}
	}
	return false
}

// ReservedEnv reports whether a variable is the platform's own, or acts on the programs that read an environment: no
// extension's configuration may set it, whatever its manifest declares. What the core services' files read is
// reserved as well; the installation knows which that is.
func ReservedEnv(key string) bool {
	upper := strings.ToUpper(key)
	if IsPlatformSecret(key) || slices.ContainsFunc(PlatformKeys, func(k PlatformKey) bool { return k.Key == upper }) {
		return true
	}
	if slices.Contains(reservedNames, upper) {
		return true
	}
	return slices.ContainsFunc(reservedStarts, func(start string) bool { return strings.HasPrefix(upper, start) })
}

// What docker, docker compose, shells, loaders and HTTP clients take from their environment.
var (
	reservedStarts = []string{"DREAM_", "DASHBOARD_", "COMPOSE_", "DOCKER_", "BUILDKIT_", "BUILDX_", "DSTACK_", "LD_", "DYLD_", "BASH_"}
	reservedNames  = []string{
		"PATH", "HOME", "SHELL", "USER", "LOGNAME", "PWD", "OLDPWD", "IFS", "ENV", "TMPDIR", "HOSTNAME", "SUDO_USER", "XDG_RUNTIME_DIR",
		"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
	}
)
