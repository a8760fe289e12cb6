package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// needless is what Docker gives every container by default and no service of an extension needs: with raw sockets it
// can pass for another on the shared network, and read what is sent to it (ping works without); device files that it
// makes in its data would be there for others.
var needless = []string{"NET_RAW", "MKNOD"}

// Harden takes from the services of an extension what they do not need, and bounds their logs, which without an option
// grow until the disk is full.
func (u *Unit) Harden() {
	for name, s := range u.Project.Services {
		s.CapDrop = slices.Clip(s.CapDrop)
		for _, capability := range needless {
			drops := func(c string) bool {
				c = strings.TrimPrefix(strings.ToUpper(c), "CAP_")
				return c == "ALL" || c == capability
			}
			if !slices.ContainsFunc(s.CapDrop, drops) {
				s.CapDrop = append(s.CapDrop, capability)
			}
		}
		s.Logging = bounded(s.Logging)
		u.Project.Services[name] = s
	}
}

// bounded is the logging with a size: 3 files of 10 MB, unless it says another.
func bounded(l *types.LoggingConfig) *types.LoggingConfig {
	out := &types.LoggingConfig{Driver: "json-file", Options: types.Options{"max-size": "10m", "max-file": "3"}}
	if l == nil {
		return out
	}
	if l.Driver != "" {
		out.Driver = l.Driver
	}
	maps.Copy(out.Options, l.Options)
	return out
}
