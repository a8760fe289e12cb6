package agent

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"syscall"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

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
			if holder == "" && inUse(port.Protocol, port.HostIP, number) {
				holder = "another program on this machine"
			} else if holder != "" {
				holder = "container " + holder
			}
			if holder != "" {
				fix := "set " + cmp.Or(p.portEnv, "another port") + " in .env"
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

func holds(containers []compose.Container, own func(string) bool, port int) bool {
	return slices.ContainsFunc(containers, func(c compose.Container) bool {
		return own(c.Service) && slices.ContainsFunc(c.Ports, func(p compose.Port) bool { return p.Host == port })
	})
}

// inUse reports whether somebody listens on the port. Not being allowed to try means that we cannot know.
func inUse(protocol, ip string, port int) bool {
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
