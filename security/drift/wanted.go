package drift

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/compose"
)

// wanted is what docker compose makes of the service.
func wanted(name string, p *types.Project, service string) compose.Inspected {
	s := p.Services[service]
	w := compose.Inspected{
		Image: cmp.Or(s.Image, name+"-"+service), User: s.User, Privileged: s.Privileged, ReadOnly: s.ReadOnly,
		CapAdd: s.CapAdd, CapDrop: s.CapDrop, SecurityOpt: s.SecurityOpt, Groups: s.GroupAdd,
		NetworkMode: s.NetworkMode, PIDMode: s.Pid, IPCMode: s.Ipc, UTSMode: s.Uts, UsernsMode: s.UserNSMode, DeviceRules: s.DeviceCgroupRules,
		Networks: networks(name, p, s), Mounts: mounts(name, p, s), Command: s.Command, Entrypoint: s.Entrypoint, Labels: s.Labels,
	}
	for key, value := range s.Environment {
		if value != nil { // docker compose leaves the others out: the agent's own environment has none of them
			w.Env = append(w.Env, key+"="+*value)
		}
	}
	for _, port := range s.Ports {
		w.Ports = append(w.Ports, fmt.Sprintf("%s:%s:%d/%s", port.HostIP, port.Published, port.Target, cmp.Or(port.Protocol, "tcp")))
	}
	for _, d := range s.Devices {
		if strings.Contains(d.Source, "=") && !path.IsAbs(d.Source) { // a name of the Container Device Interface
			w.Requests = append(w.Requests, compose.DeviceRequested{Driver: "cdi", IDs: []string{d.Source}})
			continue
		}
		w.Devices = append(w.Devices, strings.Join([]string{d.Source, cmp.Or(d.Target, d.Source), cmp.Or(d.Permissions, "rwm")}, ":"))
	}
	for _, g := range s.Gpus {
		w.Requests = append(w.Requests, requested(g, "gpu"))
	}
	if s.Deploy != nil && s.Deploy.Resources.Reservations != nil {
		for _, d := range s.Deploy.Resources.Reservations.Devices {
			w.Requests = append(w.Requests, requested(d))
		}
	}
	return w
}

func requested(d types.DeviceRequest, also ...string) compose.DeviceRequested {
	return compose.DeviceRequested{Driver: d.Driver, Count: int(d.Count), IDs: d.IDs, Capabilities: append(slices.Clone(d.Capabilities), also...)}
}

func networks(name string, p *types.Project, s types.ServiceConfig) []string {
	if s.NetworkMode != "" {
		return nil
	}
	keys := s.NetworksByPriority()
	if len(keys) == 0 {
		keys = []string{"default"}
	}
	var out []string
	for _, key := range keys {
		n := p.Networks[key]
		switch {
		case n.Name != "":
			out = append(out, n.Name)
		case bool(n.External):
			out = append(out, key)
		default:
			out = append(out, name+"_"+key)
		}
	}
	return out
}

func mounts(name string, p *types.Project, s types.ServiceConfig) []compose.Mounted {
	var out []compose.Mounted
	for _, v := range s.Volumes {
		m := compose.Mounted{Type: v.Type, Source: v.Source, Target: path.Clean(v.Target), ReadOnly: v.ReadOnly}
		switch v.Type {
		case types.VolumeTypeVolume:
			m.Source = volumeName(name, p, v.Source)
		case types.VolumeTypeTmpfs:
			m.Source = ""
		}
		out = append(out, m)
	}
	for _, t := range s.Tmpfs {
		target, _, _ := strings.Cut(t, ":")
		out = append(out, compose.Mounted{Type: types.VolumeTypeTmpfs, Target: path.Clean(target)})
	}
	for _, c := range s.Configs {
		if file := p.Configs[c.Source].File; file != "" { // others are copied into the container
			out = append(out, compose.Mounted{Type: types.VolumeTypeBind, Source: file, Target: placed("/", c.Target, c.Source), ReadOnly: true})
		}
	}
	for _, c := range s.Secrets {
		if file := p.Secrets[c.Source].File; file != "" {
			out = append(out, compose.Mounted{Type: types.VolumeTypeBind, Source: file, Target: placed("/run/secrets/", c.Target, c.Source), ReadOnly: true})
		}
	}
	return out
}

// placed is where a config or secret is mounted.
func placed(dir, target, source string) string {
	target = cmp.Or(target, source)
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(dir, target)
}

// volumeName is the engine's name of a volume; empty for one that has none.
func volumeName(name string, p *types.Project, key string) string {
	v := p.Volumes[key]
	switch {
	case key == "":
		return ""
	case v.Name != "":
		return v.Name
	case bool(v.External):
		return key
	}
	return name + "_" + key
}

func count(n int) string {
	if n == -1 {
		return "all"
	}
	return strconv.Itoa(n)
}
