package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// checkClaims refuses ports that a core service or another enabled extension has, running or not, and suggests free
// ones.
func (l *loading) checkClaims(base, own *compose.Unit) error {
	taken := security.Claims{l.world.settings.AgentPort: "the host agent"}
	for _, u := range l.world.stack.Units {
		if port := l.published(u.Manifest); u.ID != own.ID && !u.Core() && port != 0 {
			taken[port] = fmt.Sprintf("extension %q", u.ID)
		}
	}
	for _, name := range base.ServiceNames() {
		for _, p := range base.Project.Services[name].Ports {
			if port, err := strconv.Atoi(p.Published); err == nil {
				taken[port] = fmt.Sprintf("core service %q", name)
			}
		}
	}
	found := security.Conflicts(own, taken)
	if len(found) == 0 {
		return nil
	}
	e := problem.As(security.Refusal(own.ID, found))
	if env := l.own.portEnv; env != "" {
		e.Items[0].Fix += ", or set " + env + " in .env"
	}
	f := found[0]
	return problem.Newf(problem.PortTaken, "extension %q: %s: %s; %s", own.ID, f.Where(), f.Message, e.Items[0].Fix).With(e.Items...)
}

// published is the host port that a manifest names, as the owner may have moved it; 0 when it names none.
func (l *loading) published(m *manifest.Manifest) int {
	if moved, err := strconv.Atoi(l.world.settings.Env[m.Service.ExternalPortEnv]); err == nil {
		return moved
	}
	return m.Service.ExternalPortDefault
}

// checkPorts refuses a start whose host ports are taken, naming who has them: Docker would create the container
// and then fail. Ports that the extension's own containers hold are its own.
func (s *Server) checkPorts(ctx context.Context, p *prepared, containers []compose.Container) error {
	own := func(service string) bool { return slices.Contains(p.services, service) }
	for _, name := range p.services {
		for i, port := range p.project.Services[name].Ports {
			number, err := strconv.Atoi(port.Published)
			if err != nil || number == 0 || holds(containers, own, number) {
				continue // no fixed port, or ours
			}
			holder, err := s.opts.Engine.PortHolder(ctx, number, port.Protocol, own)
			if err != nil {
				return err
			}
			if holder == "" && !restarting(containers, name) && s.opts.PortInUse(port.Protocol, port.HostIP, number) {
				holder = "another program on this machine"
			} else if holder != "" {
				holder = "container " + holder
			}
			if holder != "" {
				fix := "set " + cmp.Or(p.own.portEnv, "another port") + " in .env"
				return problem.Newf(problem.PortTaken, "extension %q: port %d on %s is taken by %s: stop it, or %s",
					p.id, number, orLoopback(port.HostIP), holder, fix).
					With(problem.Item{
						Rule: "port-taken", Severity: "error", Service: name, Path: "services." + name + ".ports." + strconv.Itoa(i),
						Message: "port " + port.Published + " is taken by " + holder, Fix: fix,
					})
			}
		}
	}
	return nil
}

// restarting reports whether the service's own container comes and goes: then it may be that which has the port for a
// moment.
func restarting(containers []compose.Container, service string) bool {
	return slices.ContainsFunc(containers, func(c compose.Container) bool {
		return c.Service == service && (c.State == "restarting" || c.State == "running")
	})
}

func holds(containers []compose.Container, own func(string) bool, port int) bool {
	return slices.ContainsFunc(containers, func(c compose.Container) bool {
		return own(c.Service) && slices.ContainsFunc(c.Ports, func(p compose.Port) bool { return p.Host == port })
	})
}

// PortInUse reports whether somebody listens on the port. Not being allowed to try means that we cannot know.
func PortInUse(protocol, ip string, port int) bool {
	addr := net.JoinHostPort(orLoopback(ip), strconv.Itoa(port))
	var err error
	if protocol == "udp" {
		var c net.PacketConn
		if c, err = net.ListenPacket("udp", addr); err == nil { //nolint:noctx // binds and lets go
			_ = c.Close()
		}
	} else {
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil { //nolint:noctx // binds and lets go
			l.Close()
		}
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

func orLoopback(ip string) string {
	if ip == "" {
		return "127.0.0.1"
	}
	return ip
}
