package agent

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// PortsRequest is the body of POST /v1/ports.
type PortsRequest struct {
	Ports []int `json:"ports"` // of TCP, 1 to 100 of them
}

// ports says which ports of this machine's 127.0.0.1 are taken, and by whom. Only here can that be known: a container
// has ports of its own.
func (s *Server) ports(w http.ResponseWriter, r *http.Request) {
	var req PortsRequest
	if err := readJSON(w, r, &req); err != nil {
		reply(w, err)
		return
	}
	if err := catalog.CheckPortNumbers(req.Ports); err != nil {
		reply(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readLimit)
	defer cancel()
	var uses catalog.PortUses
	published, err := s.opts.Engine.Published(ctx)
	if err != nil {
		uses.Problem = "ports of containers that do not run a proxy are not seen: " + problem.As(slow(err)).Detail
	}
	look := s.portLook()
	slices.Sort(req.Ports)
	for _, port := range slices.Compact(req.Ports) {
		at := slices.IndexFunc(published, func(p compose.Publication) bool { return p.Port == port && p.Protocol == "tcp" })
		if at < 0 {
			uses.Ports = append(uses.Ports, look(port))
			continue
		}
		p := published[at]
		uses.Ports = append(uses.Ports, catalog.PortUse{Port: port, InUse: true, Container: p.Name, Project: p.Project, Service: p.Service})
	}
	send(w, uses)
}

// portLook says of a port whether a program has it. The kernel's list is read once, when it is needed. A port is tried only
// where there is no such list: whoever tries has the port for a moment, and what starts just then does not get it.
func (s *Server) portLook() func(port int) catalog.PortUse {
	listening := sync.OnceValue(s.opts.Listening)
	return func(port int) catalog.PortUse {
		taken := listening().Near("tcp", port)
		if !listening().Known {
			taken = s.opts.PortInUse("tcp", "", port)
		}
		if !taken {
			return catalog.PortUse{Port: port}
		}
		return catalog.PortUse{Port: port, InUse: true, Program: listening().Holder("tcp", port).Program}
	}
}
