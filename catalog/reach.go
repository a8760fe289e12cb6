package catalog

import (
	"net/netip"

	"dreamserver/catalog/health"
	"dreamserver/compose"
	"dreamserver/manifest"
)

// Reach is where people reach an extension's service on this machine.
type Reach struct {
	// Port is where Docker says that it is published now, else where it will be by .env and its manifest; 0 for a
	// service that listens on none.
	Port int
	// Local is true when Docker says that the port is published on loopback alone: no other machine reaches it.
	Local bool
	Path  string // of the page that people open; empty for a service without one
	Icon  string // of lucide.dev; empty where the manifest names none
}

func reachOf(e *Entry, env map[string]string) Reach {
	r := Reach{Port: e.ExternalPortDefault}
	if e.service == nil { // it is known from the catalogue's file alone, or its manifest is broken
		return r
	}
	r.Path, r.Icon = e.service.UIPath, e.service.SidebarIcon
	if port, err := health.PublishedPort(*e.service, env); err == nil {
		r.Port = port
	}
	if found := published(e.service, e.Runtime.Containers); len(found) > 0 {
		r.Port, r.Local = found[0].Host, true
		for _, p := range found {
			addr, err := netip.ParseAddr(p.IP)
			r.Local = r.Local && err == nil && addr.IsLoopback()
		}
	}
	return r
}

// published is where the containers that run publish the service's port: the service's own before its helpers'.
func published(s *manifest.Service, containers []compose.Container) (found []compose.Port) {
	for _, own := range []bool{true, false} {
		for _, c := range containers {
			if c.State != "running" || (c.Service == s.ID) != own || len(found) > 0 && !own {
				continue
			}
			for _, p := range c.Ports {
				if p.Container == s.Port && p.Host != 0 && p.Protocol != "udp" && (len(found) == 0 || p.Host == found[0].Host) {
					found = append(found, p)
				}
			}
		}
	}
	return found
}
