// Package systemd holds the host agent's unit, as tools/unit.sh fills it in.
package systemd

import (
	_ "embed"
	"slices"
	"strings"
)

// File is where an installed unit lies.
const File = "/etc/systemd/system/dream-host-agent.service"

//go:embed dream-host-agent.service
var template string

// Missing lists the lines of the shipped unit that an installed one lacks. Lines that say where the installation is are
// different in each, and left out.
func Missing(installed string) []string {
	have := strings.Split(installed, "\n")
	var missing []string
	for line := range strings.SplitSeq(template, "\n") {
		if line != "" && !strings.HasPrefix(line, "#") && !strings.Contains(line, "@INSTALL_DIR@") &&
			!strings.Contains(line, "@WRITABLE_PATHS@") && !strings.Contains(line, "@PRIVATE_TMP@") && !slices.Contains(have, line) {
			missing = append(missing, line)
		}
	}
	return missing
}

// InstallDir is the installation that an installed unit is for; empty when it does not say.
func InstallDir(installed string) string {
	for line := range strings.SplitSeq(installed, "\n") {
		if rest, ok := strings.CutPrefix(line, `Environment="DREAM_INSTALL_DIR=`); ok {
			return strings.ReplaceAll(strings.TrimSuffix(rest, `"`), "%%", "%")
		}
	}
	return ""
}
