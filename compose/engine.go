package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/client"

	"dreamserver/internal/problem"
)

// Labels by which compose marks what it made. Containers are found by them, never by a guessed name.
const (
	labelProject = "com.docker.compose.project"
	labelConfig  = "com.docker.compose.config-hash"
	labelService = "com.docker.compose.service"
	labelOneOff  = "com.docker.compose.oneoff"
)

// Engine reads the Docker Engine: state, logs, events, images. It changes nothing; the [Runner] does. It is safe
// for concurrent use.
type Engine struct {
	docker  *client.Client
	project string
}

// NewEngine connects to the engine at host, or at the default socket when host is empty. No call is made yet.
func NewEngine(host, project string) (*Engine, error) {
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	if host != "" {
		opts = append(opts, client.WithHost(host))
	}
	c, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("docker engine: %w", err)
	}
	return &Engine{docker: c, project: project}, nil
}

// Close ends idle connections.
func (e *Engine) Close() error { return e.docker.Close() }

// EngineVersion is what the engine says of itself.
type EngineVersion struct {
	Version string `json:"version"`
	API     string `json:"api_version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Ping tests whether the engine answers. It is much cheaper than Version, for which the engine asks its parts.
func (e *Engine) Ping(ctx context.Context) error {
	if _, err := e.docker.Ping(ctx); err != nil {
		return e.unavailable(err)
	}
	return nil
}

// Version asks the engine for its version.
func (e *Engine) Version(ctx context.Context) (EngineVersion, error) {
	v, err := e.docker.ServerVersion(ctx)
	if err != nil {
		return EngineVersion{}, e.unavailable(err)
	}
	return EngineVersion{Version: v.Version, API: v.APIVersion, OS: v.Os, Arch: v.Arch}, nil
}

// EngineInfo is how the engine is set up.
type EngineInfo struct {
	OS       string   `json:"os"`       // linux
	Arch     string   `json:"arch"`     // of the machine, in the words of images: amd64, arm64
	Root     string   `json:"root"`     // where it keeps images and volumes, as it sees the file system
	Runtimes []string `json:"runtimes"` // sorted; nvidia is among them where the container toolkit is set up
}

// Info asks the engine how it is set up.
func (e *Engine) Info(ctx context.Context) (EngineInfo, error) {
	i, err := e.docker.Info(ctx)
	if err != nil {
		return EngineInfo{}, e.unavailable(err)
	}
	return EngineInfo{OS: i.OSType, Arch: imageArch(i.Architecture), Root: i.DockerRootDir, Runtimes: slices.Sorted(maps.Keys(i.Runtimes))}, nil
}

// unavailable tells an engine that does not answer from one that refuses. It wraps [fs.ErrPermission] where the socket
// is closed to this user.
func (e *Engine) unavailable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return problem.Newf(problem.DockerUnavailable, "the Docker Engine at %s does not let this user in: join the group docker, or use root (%w)", e.docker.DaemonHost(), fs.ErrPermission)
	}
	if client.IsErrConnectionFailed(err) || strings.Contains(err.Error(), "Cannot connect to the Docker daemon") {
		return problem.Newf(problem.DockerUnavailable,
			"the Docker Engine does not answer at %s: start it (systemctl start docker) and try again", e.docker.DaemonHost())
	}
	return fmt.Errorf("docker engine: %w", err)
}

// Containers lists the project's containers, stopped ones too, sorted by service and name. One-off containers of
// `docker compose run` are not listed.
func (e *Engine) Containers(ctx context.Context) ([]Container, error) {
	list, err := e.list(ctx, filters.NewArgs(filters.Arg("label", labelProject+"="+e.project)))
	if err != nil {
		return nil, err
	}
	out := make([]Container, 0, len(list))
	for _, c := range list {
		if c.Labels[labelOneOff] == "True" {
			continue
		}
		out = append(out, summary(c))
	}
	slices.SortFunc(out, func(a, b Container) int {
		return strings.Compare(a.Service+"\x00"+a.Name, b.Service+"\x00"+b.Name)
	})
	return out, nil
}

func (e *Engine) list(ctx context.Context, f filters.Args) ([]container.Summary, error) {
	list, err := e.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	if err != nil {
		return nil, e.unavailable(err)
	}
	return list, nil
}

func summary(c container.Summary) Container {
	out := Container{ID: c.ID, Service: c.Labels[labelService], Image: c.Image, ImageID: c.ImageID, State: c.State, Health: healthOf(c.Status), ConfigDigest: c.Labels[labelConfig]}
	if _, err := fmt.Sscanf(c.Status, "Exited (%d)", &out.ExitCode); err != nil {
		_, _ = fmt.Sscanf(c.Status, "Restarting (%d)", &out.ExitCode) // others have none
	}
	if len(c.Names) > 0 {
		out.Name = strings.TrimPrefix(c.Names[0], "/")
	}
	for _, m := range c.Mounts {
		if m.Type != mount.TypeBind {
			continue
		}
		out.Mounts = append(out.Mounts, m.Source)
		if m.RW {
			out.Writes = append(out.Writes, m.Source)
		}
	}
	for _, p := range c.Ports {
		if p.PublicPort != 0 {
			out.Ports = append(out.Ports, Port{IP: p.IP, Host: int(p.PublicPort), Container: int(p.PrivatePort), Protocol: p.Type})
		}
	}
	return out
}

// healthOf reads the health from the status text of a list, the only place where a list has it:
// "Up 2 minutes (healthy)".
func healthOf(status string) string {
	switch {
	case strings.HasSuffix(status, "(healthy)"):
		return "healthy"
	case strings.HasSuffix(status, "(unhealthy)"):
		return "unhealthy"
	case strings.HasSuffix(status, "(health: starting)"):
		return "starting"
	}
	return ""
}

// Inspect is everything about one container.
func (e *Engine) Inspect(ctx context.Context, id string) (Container, error) {
	c, err := e.docker.ContainerInspect(ctx, id)
	if err != nil {
		return Container{}, e.unavailable(err)
	}
	out := Container{
		ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), Service: c.Config.Labels[labelService], Image: c.Config.Image,
		State: c.State.Status, ExitCode: c.State.ExitCode, OOMKilled: c.State.OOMKilled, Error: c.State.Error,
		Restarts: c.RestartCount, TTY: c.Config.Tty,
		OneShot: c.HostConfig.RestartPolicy.Name == "" || c.HostConfig.RestartPolicy.Name == "no",
	}
	out.StartedAt, _ = time.Parse(time.RFC3339Nano, c.State.StartedAt) // zero when never started
	if h := c.State.Health; h != nil && h.Status != "none" {
		out.Health = h.Status
		if n := len(h.Log); n > 0 {
			out.LastHealth = h.Log[n-1].Output
		}
	}
	return out, nil
}

// ImageID is the id of the image that ref names now; empty when the engine has none.
func (e *Engine) ImageID(ctx context.Context, ref string) (string, error) {
	img, err := e.docker.ImageInspect(ctx, ref)
	switch {
	case err == nil:
		return img.ID, nil
	case client.IsErrNotFound(err): //nolint:staticcheck // errdefs of this client version
		return "", nil
	}
	return "", e.unavailable(err)
}

// ImageUser is the uid and gid that the image's USER names, when they are numbers.
func (e *Engine) ImageUser(ctx context.Context, ref string) (string, error) {
	img, err := e.docker.ImageInspect(ctx, ref)
	if err != nil {
		return "", e.unavailable(err)
	}
	if img.Config == nil {
		return "", nil
	}
	return img.Config.User, nil
}

// Publication is a port that a running container publishes on a loopback or wildcard address.
type Publication struct {
	Name     string `json:"name"`              // of the container
	Project  string `json:"project,omitempty"` // of compose; empty for a container that compose did not make
	Service  string `json:"service,omitempty"`
	Port     int    `json:"port"` // on the host
	Protocol string `json:"protocol"`
}

// Published lists the ports that running containers publish, of any project, each once for a container.
func (e *Engine) Published(ctx context.Context) ([]Publication, error) {
	list, err := e.docker.ContainerList(ctx, container.ListOptions{})
	if err != nil {
		return nil, e.unavailable(err)
	}
	out := []Publication{}
	for _, c := range list {
		for _, p := range c.Ports {
			addr, err := netip.ParseAddr(p.IP)
			here := err != nil || addr.IsLoopback() || addr.IsUnspecified()
			if p.PublicPort == 0 || !here || len(c.Names) == 0 {
				continue
			}
			pub := Publication{
				Name: strings.TrimPrefix(c.Names[0], "/"), Project: c.Labels[labelProject], Service: c.Labels[labelService],
				Port: int(p.PublicPort), Protocol: p.Type,
			}
			if !slices.Contains(out, pub) { // IPv4 and IPv6
				out = append(out, pub)
			}
		}
	}
	return out, nil
}

// PortHolder is the container, of any project, that publishes the TCP or UDP port on a loopback or wildcard
// address, other than those of the named services of this project.
func (e *Engine) PortHolder(ctx context.Context, port int, protocol string, except func(service string) bool) (string, error) {
	list, err := e.Published(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range list {
		if p.Port == port && p.Protocol == protocol && (p.Project != e.project || !except(p.Service)) {
			return p.Name, nil
		}
	}
	return "", nil
}
