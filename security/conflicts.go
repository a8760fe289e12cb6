package security

import (
	"fmt"
	"maps"

	"dreamserver/compose"
)

// Claims are host ports that others have: port → whose it is. A port is one for TCP and UDP alike, so that people can
// tell services apart by its number.
type Claims map[int]string

// Conflicts finds the ports of the unit that belong to others, and suggests free ones.
func Conflicts(u *compose.Unit, taken Claims) []Finding {
	var found []Finding
	used := Claims{}
	maps.Copy(used, taken)
	for _, name := range u.ServiceNames() {
		for i, p := range u.Project.Services[name].Ports {
			low, high, ok := portRange(p.Published)
			for port := low; ok && port != 0 && port <= min(high, maxPort); port++ {
				owner := taken[port]
				if owner == "" {
					used[port] = u.ID
					continue
				}
				at := path{"services", name, "ports", fmt.Sprint(i)}
				pos := u.Lines.Find(at.String())
				found = append(found, Finding{
					Rule: "port-taken", Severity: Error, Service: name, Path: at.String(), File: pos.File, Line: pos.Line,
					Message: fmt.Sprintf("port %d belongs to %s", port, owner),
					Fix:     fmt.Sprintf("publish another port: %d is free", freePort(port, used)),
				})
				break
			}
		}
	}
	return found
}

const maxPort = 65535

// freePort is the next port that nobody claims.
func freePort(after int, used Claims) int {
	for port := max(after+1, firstPort); port <= maxPort; port++ {
		if used[port] == "" {
			return port
		}
	}
	return 0
}
