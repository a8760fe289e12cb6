package manifest

import (
	"slices"
	"strings"
	"unicode"
)

// The checks of single texts. An empty text means absent where the contract allows it.

// backends are the machines that a manifest can name.
var backends = []string{"amd", "nvidia", "intel", "apple", "cpu", "all", "none"}

func isSchema(s string) string {
	if s != SchemaVersion {
		return quote(s) + " is not " + SchemaVersion + ": write schema_version: " + SchemaVersion
	}
	return ""
}

func isID(s string) string {
	if !ValidID(s) {
		return quote(s) + ` is not a service id: write 1 to 63 of a-z, 0-9, "_" and "-", the first a letter or digit`
	}
	return ""
}

func notBlank(s string) string {
	if strings.TrimSpace(s) == "" {
		return "is blank: write a name"
	}
	return ""
}

func isBackend(s string) string {
	if !slices.Contains(backends, s) {
		return quote(s) + " is not known: write " + alternatives(backends)
	}
	return ""
}

func isEnvName(s string) string {
	if s != "" && !isEnvKey(s) {
		return quote(s) + ` is not a variable's name: write letters, digits and "_", such as MY_SERVICE_PORT`
	}
	return ""
}

// isContainerName follows Docker's own rule.
func isContainerName(s string) string {
	if s != "" && (!isWord(s, 128, "_.-") || strings.IndexByte("_.-", s[0]) >= 0) {
		return quote(s) + ` is not a container name: write letters, digits, "_", "." and "-", such as dream-my-service`
	}
	return ""
}

// isUnit follows systemd's own rule, for services.
func isUnit(s string) string {
	name, ok := strings.CutSuffix(s, ".service")
	if s != "" && (!ok || !isWord(name, 240, "_.-@") || strings.IndexByte("_.-@", name[0]) >= 0) {
		return quote(s) + " is not a unit of systemd: write a name such as my-service.service"
	}
	return ""
}

func isHost(s string) string {
	if s != "" && !isWord(s, 253, "_.-") {
		return quote(s) + " is not a host name: write the service's id, or localhost"
	}
	return ""
}

// isFileName keeps compose_file inside its extension's folder, and out of the state that the suffix
// .disabled stands for.
func isFileName(s string) string {
	switch {
	case s == "":
		return ""
	case strings.ContainsAny(s, `/\`) || strings.Contains(s, "..") || s == ".":
		return quote(s) + " is not a plain file name: write the name of a file in this folder, such as compose.yaml"
	case strings.HasSuffix(s, ".disabled"):
		return quote(s) + " ends in .disabled, which marks what is switched off: write the name without it"
	}
	return ""
}

func isPath(s string) string {
	switch {
	case s == "":
		return ""
	case s[0] != '/':
		return quote(s) + ` does not start with "/": write a path such as /health`
	case strings.ContainsFunc(s, unicode.IsSpace):
		return quote(s) + " holds a space: write it as %20"
	}
	return ""
}
