package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"golang.org/x/sync/errgroup"
)

// Inspected is how a container was made, as far as that decides what it may do.
type Inspected struct {
	ID      string
	Name    string
	Project string // of compose; empty for a container that compose did not make
	Service string
	OneOff  bool // made by `docker compose run`

	Image   string // as it was asked for
	ImageID string
	User    string
	// ImageUser is the image's own, and ImageVolumes the paths for which the engine makes nameless volumes.
	ImageUser    string
	ImageVolumes []string

	// What it runs. Values of these may be secrets.
	Command    []string
	Entrypoint []string
	Env        []string // KEY=value
	Labels     map[string]string
	Defaults   ImageDefaults

	Privileged   bool
	ReadOnly     bool // its root
	CapAdd       []string
	CapDrop      []string
	SecurityOpt  []string // with systempaths=unconfined, which the engine keeps elsewhere
	Groups       []string
	Mounts       []Mounted
	Ports        []string // 127.0.0.1:8080:80/tcp; the host's address may be empty
	AllPorts     bool     // every port of the image is published
	NetworkMode  string
	PIDMode      string
	IPCMode      string
	UTSMode      string
	UsernsMode   string
	Devices      []string // /dev/dri:/dev/dri:rwm
	DeviceRules  []string
	Requests     []DeviceRequested
	Networks     []string // names of those that it is in
	ConfigDigest string   // by which docker compose knows what it has made
}

// ImageDefaults are what an image says of the same.
type ImageDefaults struct {
	Gone       bool // the image is not there any more: nobody knows
	Command    []string
	Entrypoint []string
	Env        []string
	Labels     map[string]string
}

// Mounted is one mount of a container.
type Mounted struct {
	Type     string // bind, volume, tmpfs, …
	Source   string // path of the host, or name of the volume
	Target   string
	ReadOnly bool
}

// DeviceRequested is one request for devices, such as GPUs.
type DeviceRequested struct {
	Driver       string
	Count        int // -1 for all
	IDs          []string
	Capabilities []string // all of which it must have
}

// inspectsAtOnce are the containers that are looked at beside each other.
const inspectsAtOnce = 8

// InspectAll looks at the containers that are up: the project's, those of `docker compose run` too, and whatever has one of
// the names. They are sorted by name; one that goes away meanwhile is left out.
func (e *Engine) InspectAll(ctx context.Context, named func(name string) bool) ([]Inspected, error) {
	list, err := e.docker.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(
		filters.Arg("status", "running"), filters.Arg("status", "paused"), filters.Arg("status", "restarting"),
	)})
	if err != nil {
		return nil, e.unavailable(err)
	}
	images := &imageFacts{engine: e}
	out := make([]Inspected, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inspectsAtOnce)
	for i, c := range list {
		if c.Labels[labelProject] != e.project && !slices.ContainsFunc(c.Names, func(n string) bool { return named(strings.TrimPrefix(n, "/")) }) {
			continue
		}
		g.Go(func() error {
			full, err := e.docker.ContainerInspect(ctx, c.ID)
			if errdefs.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return e.unavailable(err)
			}
			out[i] = inspected(full)
			return images.add(ctx, &out[i])
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(c Inspected) bool { return c.ID == "" })
	slices.SortFunc(out, func(a, b Inspected) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// imageFacts asks about each image once.
type imageFacts struct {
	engine *Engine
	mu     sync.Mutex
	known  map[string]imageFact
}

// imageFact is what an image says of its containers.
type imageFact struct {
	user     string
	volumes  []string
	defaults ImageDefaults
}

// add tells what the container's image says.
func (f *imageFacts) add(ctx context.Context, c *Inspected) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fact, ok := f.known[c.ImageID]
	if !ok {
		img, err := f.engine.docker.ImageInspect(ctx, c.ImageID)
		switch {
		case errdefs.IsNotFound(err): // it was removed by force under its container
			fact.defaults.Gone = true
		case err != nil:
			return f.engine.unavailable(err)
		case img.Config != nil:
			fact.user, fact.volumes = img.Config.User, slices.Sorted(maps.Keys(img.Config.Volumes))
			fact.defaults = ImageDefaults{Command: img.Config.Cmd, Entrypoint: img.Config.Entrypoint, Env: img.Config.Env, Labels: img.Config.Labels}
		}
		if f.known == nil {
			f.known = map[string]imageFact{}
		}
		f.known[c.ImageID] = fact
	}
	c.ImageUser, c.ImageVolumes, c.Defaults = fact.user, fact.volumes, fact.defaults
	return nil
}

// inspected puts the engine's answer into our words.
func inspected(c container.InspectResponse) Inspected {
	h := c.HostConfig
	out := Inspected{
		ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), ImageID: c.Image, Image: c.Config.Image, User: c.Config.User,
		Project: c.Config.Labels[labelProject], Service: c.Config.Labels[labelService], OneOff: c.Config.Labels[labelOneOff] == "True",
		ConfigDigest: c.Config.Labels[labelConfig],
		Command:      c.Config.Cmd, Entrypoint: c.Config.Entrypoint, Env: c.Config.Env, Labels: c.Config.Labels,
		Privileged: h.Privileged, ReadOnly: h.ReadonlyRootfs, CapAdd: h.CapAdd, CapDrop: h.CapDrop, SecurityOpt: h.SecurityOpt, Groups: h.GroupAdd,
		AllPorts: h.PublishAllPorts, NetworkMode: string(h.NetworkMode), PIDMode: string(h.PidMode), IPCMode: string(h.IpcMode),
		UTSMode: string(h.UTSMode), UsernsMode: string(h.UsernsMode), DeviceRules: h.DeviceCgroupRules,
	}
	if !h.Privileged && h.MaskedPaths != nil && len(h.MaskedPaths) == 0 {
		out.SecurityOpt = append(slices.Clone(h.SecurityOpt), "systempaths=unconfined")
	}
	for _, m := range c.Mounts {
		one := Mounted{Type: string(m.Type), Source: m.Source, Target: m.Destination, ReadOnly: !m.RW}
		switch m.Type {
		case mount.TypeVolume:
			one.Source = m.Name
		case mount.TypeTmpfs:
			one.Source = ""
		}
		out.Mounts = append(out.Mounts, one)
	}
	for target := range h.Tmpfs {
		out.Mounts = append(out.Mounts, Mounted{Type: string(mount.TypeTmpfs), Target: target})
	}
	for port, bindings := range h.PortBindings {
		for _, b := range bindings {
			out.Ports = append(out.Ports, fmt.Sprintf("%s:%s:%s", b.HostIP, b.HostPort, port))
		}
	}
	for _, d := range h.Devices {
		out.Devices = append(out.Devices, strings.Join([]string{d.PathOnHost, d.PathInContainer, d.CgroupPermissions}, ":"))
	}
	for _, r := range h.DeviceRequests {
		one := DeviceRequested{Driver: r.Driver, Count: r.Count, IDs: r.DeviceIDs}
		for _, set := range r.Capabilities {
			one.Capabilities = append(one.Capabilities, set...)
		}
		out.Requests = append(out.Requests, one)
	}
	if c.NetworkSettings != nil {
		out.Networks = slices.Sorted(maps.Keys(c.NetworkSettings.Networks))
	}
	return out
}
