package compose

import (
	"slices"
	"strings"
)

const netRaw = "NET_RAW"

// Harden takes from the services of an extension what Docker gives by default and none of them needs: with raw sockets
// a container can pass for another one on the shared network, and read what is sent to it. ping works without.
func (u *Unit) Harden() {
	for name, s := range u.Project.Services {
		drops := func(c string) bool {
			c = strings.TrimPrefix(strings.ToUpper(c), "CAP_")
			return c == "ALL" || c == netRaw
		}
		if !slices.ContainsFunc(s.CapDrop, drops) {
			s.CapDrop = append(slices.Clip(s.CapDrop), netRaw)
			u.Project.Services[name] = s
		}
	}
}
