package manifest

import (
	"fmt"
	"strings"
)

// ValidID reports whether id can name a service: 1 to 63 of a-z, 0-9, "_" and "-", the first a letter or a
// digit. Such a name is safe as a folder, a compose service and a DNS label.
func ValidID(id string) bool {
	if id == "" || len(id) > 63 || id[0] == '_' || id[0] == '-' {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// CheckFolder reports an extension whose folder does not have its id as name. Everything that finds an
// extension on disk by its id relies on the two being one.
func CheckFolder(m *Manifest, folder string) error {
	if m.Service.ID == folder {
		return nil
	}
	return fmt.Errorf("service.id %s is not the name of its folder, %s: rename one of them", quote(m.Service.ID), quote(folder))
}

// isAlias reports whether s can be typed as a short name of a service.
func isAlias(s string) bool { return isWord(s, 64, "_-") }

// isEnvKey reports whether s can name an environment variable in every shell.
func isEnvKey(s string) bool {
	return isWord(s, 128, "_") && (s[0] < '0' || s[0] > '9')
}

// isWord reports whether s is 1 to limit ASCII letters, digits and characters of extra.
func isWord(s string, limit int, extra string) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}
