package health

import (
	"slices"
	"time"

	"dreamserver/compose"
	"dreamserver/manifest"
)

// maxTimeout bounds what a manifest may ask for in health_timeout: who waits for an hour keeps others from being asked.
const maxTimeout = 30 * time.Second

// Desired is what the owner wants of a service.
type Desired string

// On and Off are what there is to want.
const (
	On  Desired = "on"
	Off Desired = "off"
)

// Facts is what is known of a service without asking it.
type Facts struct {
	Service manifest.Service
	Desired Desired
	// Containers are the extension's own. What only Inspect fills in may be missing.
	Containers []compose.Container
	// Known is false while nobody can say which containers there are: the host agent or Docker is away.
	Known bool
	// Env is the installation's .env.
	Env map[string]string
	// Inside reports whether the probing program runs in a container on the installation's network.
	Inside bool
}

// Target is one service to watch: what is known of it, and where it is probed. It is a value; [Facts.Target] makes it.
type Target struct {
	ID      string
	Desired Desired
	// OnHost marks a program of the host (type: host-systemd), which has neither a container nor a probe.
	OnHost bool
	Known  bool // see Facts
	// Container is the service's own; nil when there is none. Helpers are the others of its extension.
	Container *compose.Container
	Helpers   []compose.Container
	// URL is what is probed; empty when there is nothing to probe. Then NoURL says why, in words.
	URL, NoURL string
	Timeout    time.Duration // 0 means 5 s
}

// Target is what follows from the facts. On the host, the port that Docker says is published counts before the one that
// .env says: .env may have changed since the container was made.
func (f Facts) Target() Target {
	s := f.Service
	t := Target{ID: s.ID, Desired: f.Desired, OnHost: s.Type == manifest.HostSystemd, Known: f.Known, Timeout: min(s.ProbeTimeout(), maxTimeout)}
	if t.OnHost {
		return t
	}
	if f.Known {
		t.Container, t.Helpers = split(s, f.Containers)
	}
	var err error
	if port := probePort(s); !f.Inside && t.runs() && s.Health != "" && port != 0 {
		t.URL, err = published(*t.Container, port, s.Health)
	} else {
		t.URL, err = Address(s, f.Env, f.Inside)
	}
	if err != nil {
		t.NoURL = err.Error()
	}
	return t
}

// split tells the service's own container from its helpers. Of several, one that runs is its own.
func split(s manifest.Service, containers []compose.Container) (own *compose.Container, helpers []compose.Container) {
	at := -1
	for i, c := range containers {
		is := c.Service == s.ID || c.Service == s.DefaultHost || c.Name != "" && c.Name == s.ContainerName
		if is && (at < 0 || containers[at].State != "running" && c.State == "running") {
			at = i
		}
	}
	if at < 0 {
		return nil, containers
	}
	c := containers[at]
	return &c, slices.Delete(slices.Clone(containers), at, at+1)
}

// runs reports whether the service's container is known to run.
func (t *Target) runs() bool { return t.Container != nil && t.Container.State == "running" }

// asks reports whether there is somebody to ask. A container that does not run cannot answer, and who answers at its
// port would be somebody else.
func (t *Target) asks() bool {
	switch {
	case t.OnHost:
		return t.Desired != Off
	case t.URL == "":
		return false
	case !t.Known:
		return t.Desired != Off
	}
	return t.runs()
}

// sameRun reports whether what a probe of t said holds for u, too: it is the same run of the same container, asked at
// the same place.
func (t *Target) sameRun(u *Target) bool {
	if t.OnHost != u.OnHost || t.URL != u.URL || t.asks() != u.asks() {
		return false
	}
	if t.Container == nil || u.Container == nil {
		return true // one side does not know
	}
	a, b := t.Container, u.Container
	return a.ID == b.ID && a.State == b.State && (a.StartedAt.Equal(b.StartedAt) || a.StartedAt.IsZero() || b.StartedAt.IsZero())
}
