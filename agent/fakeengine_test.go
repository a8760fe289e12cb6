package agent_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/containerd/errdefs"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// fakeEngine reads what the fake docker command does.
type fakeEngine struct {
	docker *fakeDocker

	mu        sync.Mutex
	down      bool
	hung      bool                          // answers nothing until its caller gives up
	lags      map[string]string             // service → the state in which it is still listed
	busyWith  string                        // service whose container cannot be looked at until its caller gives up
	mute      string                        // service whose container does not say what it uses
	users     map[string]string             // image → its USER
	platforms map[string][]compose.Platform // image → what its registry says
	ports     map[int]string                // port → the container, of another project, that publishes it
	log       map[string][]compose.LogLine  // service → lines
	changes   chan compose.Change
	written   chan compose.LogLine // by containers, while somebody follows
	unlinked  []string             // prefixes of networks that were removed
	failed    chan error
	looked    chan struct{} // somebody inspected a container

	inspections []compose.Inspected // how containers were made
	scans       int                 // how often that was asked
}

var errDown = problem.Newf(problem.DockerUnavailable, "the Docker Engine does not answer at unix:///fake: start it")

func newFakeEngine(d *fakeDocker) *fakeEngine {
	return &fakeEngine{
		docker: d, users: map[string]string{}, ports: map[int]string{}, log: map[string][]compose.LogLine{},
		changes: make(chan compose.Change), written: make(chan compose.LogLine), failed: make(chan error, 1), looked: make(chan struct{}, 1),
	}
}

// set changes a field.
func (e *fakeEngine) set(change func(*fakeEngine)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

func (e *fakeEngine) ready(ctx context.Context) error {
	e.mu.Lock()
	down, hung := e.down, e.hung
	e.mu.Unlock()
	switch {
	case down:
		return errDown
	case hung:
		<-ctx.Done()
	}
	return ctx.Err()
}

func (e *fakeEngine) Ping(ctx context.Context) error { return e.ready(ctx) }

func (e *fakeEngine) Version(ctx context.Context) (compose.EngineVersion, error) {
	return compose.EngineVersion{Version: "20.10.24", API: "1.41", OS: "linux", Arch: "amd64"}, e.ready(ctx)
}

func (e *fakeEngine) Info(ctx context.Context) (compose.EngineInfo, error) {
	if err := e.ready(ctx); err != nil {
		return compose.EngineInfo{}, err
	}
	return compose.EngineInfo{OS: "linux", Arch: "amd64", Root: "/", Runtimes: []string{"runc"}}, nil
}

func (e *fakeEngine) Published(ctx context.Context) ([]compose.Publication, error) {
	e.mu.Lock()
	out := []compose.Publication{}
	for port, name := range e.ports {
		out = append(out, compose.Publication{Name: name, Port: port, Protocol: "tcp"})
	}
	e.mu.Unlock()
	return out, e.ready(ctx)
}

// Stats counts a second of work and a mebibyte for each running container.
func (e *fakeEngine) Stats(ctx context.Context, containers []compose.Container) ([]compose.Usage, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	usages := []compose.Usage{}
	var failed error
	for _, c := range containers {
		switch {
		case c.State != "running":
		case c.Service == e.mute:
			failed = context.DeadlineExceeded
		default:
			usages = append(usages, compose.Usage{ID: c.ID, Name: c.Name, Service: c.Service, CPU: 1e9, Memory: 1 << 20})
		}
	}
	return usages, failed
}

// RemoveNetworks remembers what was asked for.
func (e *fakeEngine) RemoveNetworks(ctx context.Context, prefix string) error {
	e.set(func(e *fakeEngine) { e.unlinked = append(e.unlinked, prefix) })
	return e.ready(ctx)
}

func (e *fakeEngine) Containers(ctx context.Context) ([]compose.Container, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	list := []compose.Container{}
	e.mu.Lock()
	lags := maps.Clone(e.lags)
	e.mu.Unlock()
	for _, c := range e.docker.state().Containers {
		list = append(list, compose.Container{
			ID: c.ID, Name: c.Name, Service: c.Service, Image: c.Image, ImageID: c.MadeFrom,
			State: cmp.Or(lags[c.Service], c.State), Health: c.Health, Ports: c.Ports, Mounts: c.Mounted, Writes: c.Written,
		})
	}
	slices.SortFunc(list, func(a, b compose.Container) int { return cmp.Compare(a.Service, b.Service) })
	return list, nil
}

// inspected waits until somebody inspects a container.
func (e *fakeEngine) inspected(t *testing.T) {
	t.Helper()
	select {
	case <-e.looked:
	case <-t.Context().Done():
		t.Fatal("nobody inspects a container")
	}
}

func (e *fakeEngine) Inspect(ctx context.Context, id string) (compose.Container, error) {
	defer func() {
		select {
		case e.looked <- struct{}{}:
		default:
		}
	}()
	if err := e.ready(ctx); err != nil {
		return compose.Container{}, err
	}
	e.mu.Lock()
	busyWith := e.busyWith
	e.mu.Unlock()
	for _, c := range e.docker.state().Containers {
		if c.ID == id {
			if c.Service == busyWith {
				<-ctx.Done()
				return compose.Container{}, ctx.Err()
			}
			return c.Container, nil
		}
	}
	return compose.Container{}, errdefs.ErrNotFound
}

// InspectAll tells what was set, in place of what docker compose would have made.
func (e *fakeEngine) InspectAll(ctx context.Context, named func(string) bool) ([]compose.Inspected, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scans++
	var out []compose.Inspected
	for _, c := range e.inspections {
		if c.Project != "" || named(c.Name) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (e *fakeEngine) ImagePlatforms(ctx context.Context, ref string) ([]compose.Platform, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.platforms[ref], ctx.Err()
}

func (e *fakeEngine) ImageID(ctx context.Context, ref string) (string, error) {
	state := e.docker.state()
	if slices.Contains(state.Missing, ref) {
		return "", e.ready(ctx)
	}
	return state.imageID(ref), e.ready(ctx)
}

func (e *fakeEngine) ImageUser(ctx context.Context, ref string) (string, error) {
	e.mu.Lock()
	user := e.users[ref]
	e.mu.Unlock()
	return user, e.ready(ctx)
}

func (e *fakeEngine) PortHolder(ctx context.Context, port int, _ string, _ func(string) bool) (string, error) {
	e.mu.Lock()
	holder := e.ports[port]
	e.mu.Unlock()
	return holder, e.ready(ctx)
}

func (e *fakeEngine) Logs(ctx context.Context, containers []compose.Container, tail int) ([]compose.LogLine, error) {
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []compose.LogLine
	for _, c := range containers {
		lines = append(lines, e.log[c.Service]...)
	}
	return lines[max(0, len(lines)-tail):], nil
}

// FollowLogs gives what was printed, and then what the test sends to follows.
func (e *fakeEngine) FollowLogs(ctx context.Context, wanted func(string) bool, q compose.LogQuery, on func(compose.LogLine)) error {
	if err := e.ready(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	for service, lines := range e.log {
		if wanted(service) {
			for _, l := range lines[max(0, len(lines)-q.Tail):] {
				on(l)
			}
		}
	}
	e.mu.Unlock()
	for q.Follow {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-e.failed:
			return err
		case l := <-e.written:
			if wanted(l.Service) {
				on(l)
			}
		}
	}
	return nil
}

// prints is what the service's containers have printed, n numbered lines or the given ones.
func (e *fakeEngine) prints(service string, n int, lines ...string) {
	for i := range n {
		lines = append(lines, "line "+strconv.Itoa(i+1))
	}
	e.set(func(e *fakeEngine) {
		e.log[service] = nil
		for _, l := range lines {
			e.log[service] = append(e.log[service], compose.LogLine{Service: service, Text: l})
		}
	})
}

func (e *fakeEngine) Changes(context.Context) (<-chan compose.Change, <-chan error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes, e.failed
}
