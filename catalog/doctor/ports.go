package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dreamserver/compose"
)

// Ports are the ports that the core services and the enabled extensions publish, and who has them now.
type Ports struct {
	Unknown string // why they are not known
	Project string // of the installation's containers
	Wanted  []Port
	// Published are the ports that containers hold; nil when nobody could ask.
	Published []compose.Publication
}

// Port is one that somebody wants to publish.
type Port struct {
	Number   int
	Protocol string // tcp, udp
	Address  string // on which
	Service  string // the compose service that publishes it; empty for the host agent
	Owner    string // for people: core service "dashboard", extension "n8n", the host agent
	Key      string // the setting that moves it, when there is one
	// Own is true where it is known that the one who wants it has it.
	Own   bool
	InUse bool
	Holder
}

// Holder is the program that listens on a port, as far as it can be seen.
type Holder struct {
	Program string // empty when it may not be seen
	PID     int    // 0 when not known
	UID     int    // whose it is; -1 when unknown
}

func (p Ports) judge(who Observer) []Finding {
	if p.Unknown != "" {
		return skipped("which ports are wanted is not known", p.Unknown)
	}
	var found []Finding
	free, ours := 0, 0
	for i, port := range p.Wanted {
		other := slices.IndexFunc(p.Wanted[:i], func(o Port) bool { return o.clashes(port) })
		f, wrong := p.holder(port, who)
		switch {
		case other >= 0:
			found = append(found, port.clash(p.Wanted[other]))
		case wrong:
			found = append(found, f)
		case port.InUse:
			ours++
		default:
			free++
		}
	}
	if free+ours > 0 || found == nil {
		found = append(found, fine(fmt.Sprintf("ports that services publish: %d ours, %d free", ours, free))...)
	}
	return found
}

func (p Port) String() string {
	if p.Protocol == "tcp" {
		return fmt.Sprintf("port %d", p.Number)
	}
	return fmt.Sprintf("%s port %d", strings.ToUpper(p.Protocol), p.Number)
}

// clashes reports whether both cannot run at a time. Addresses differ in rare cases only, and then one of them is all.
func (p Port) clashes(other Port) bool {
	return p.Number == other.Number && p.Protocol == other.Protocol && (p.Owner != other.Owner || p.Service != other.Service)
}

func (p Port) clash(other Port) Finding {
	return Finding{
		Severity: Error, Title: fmt.Sprintf("%s is wanted by %s and by %s: only one of them can start", p, other.Owner, p.Owner),
		Fix: "set " + cmp.Or(p.Key, other.Key, "another port of one of them") + " in .env to a free port",
	}
}

// holder judges who has a port that is in use.
func (p Ports) holder(port Port, who Observer) (Finding, bool) {
	if !port.InUse || port.Own {
		return Finding{}, false
	}
	move := "set " + cmp.Or(port.Key, "another port") + " in .env to a free port"
	f := Finding{Severity: Error, Detail: "It is wanted by " + port.Owner + ", which cannot start."}
	for _, c := range p.Published {
		if c.Port != port.Number || c.Protocol != port.Protocol {
			continue
		}
		if c.Project == p.Project && c.Service == port.Service {
			return f, false
		}
		f.Title = fmt.Sprintf("%s on %s is taken by container %s", port, port.Address, c.Name)
		f.Fix = "docker stop " + c.Name + "\nor " + move
		return f, true
	}
	switch {
	case p.Published == nil && (port.Program == "docker-proxy" || port.Program == "" && port.UID <= 0):
		f.Severity, f.Title = Skipped, fmt.Sprintf("%s on %s is in use, by a container perhaps: neither the agent nor Docker can say by which", port, port.Address)
		f.Detail = "It is wanted by " + port.Owner + "."
		f.Fix = "mend what is said of the agent and of Docker first"
	case port.Program != "" && port.PID == 0:
		f.Title = fmt.Sprintf("%s on %s is taken by %s", port, port.Address, port.Program)
		f.Fix = "stop " + port.Program + ", or the service that it belongs to\nor " + move
	case port.Program != "":
		f.Title = fmt.Sprintf("%s on %s is taken by %s (pid %d)", port, port.Address, port.Program, port.PID)
		f.Fix = fmt.Sprintf("%skill %d\nor stop the service that it belongs to\nor %s", who.sudo(port.UID), port.PID, move)
	default:
		f.Title = fmt.Sprintf("%s on %s is taken by another program%s", port, port.Address, ofUser(port.UID))
		f.Fix = "sudo dream doctor, which sees which program it is\nor " + move
		if who.UID == 0 {
			f.Fix = move
		}
	}
	return f, true
}

func ofUser(uid int) string {
	if uid < 0 {
		return ""
	}
	return fmt.Sprintf(" of user %d", uid)
}
