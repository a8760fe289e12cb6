package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/internal/problem"
)

// Dropped is a unit that does not fit into the project, and why.
type Dropped struct {
	ID  string
	Err error
}

// Join adds placed units to the placed base. An extension defines only services of its own name, so the result
// is a disjoint union: nothing merges into another's service. A unit that breaks this, or that depends on what
// does not exist, drops out alone; a unit that depends on it drops out too. known are the ids of extensions that
// exist and are not among the units: their service names are taken, too. Built-in units come first: what somebody
// installed takes no name from them.
func Join(base *Unit, units []*Unit, known ...string) (*types.Project, []Dropped) {
	p := &types.Project{
		Services: maps.Clone(base.Project.Services),
		Networks: maps.Clone(base.Project.Networks),
		Volumes:  maps.Clone(base.Project.Volumes),
		Configs:  maps.Clone(base.Project.Configs),
		Secrets:  maps.Clone(base.Project.Secrets),
	}
	if p.Networks == nil {
		p.Networks = types.Networks{}
	}
	ids, builtin := slices.Clone(known), []string{}
	for _, u := range units {
		ids = append(ids, u.ID)
		if u.Source == Builtin {
			builtin = append(builtin, u.ID)
		}
	}
	var dropped []Dropped
	kept, taken := make([]*Unit, 0, len(units)), maps.Clone(p.Services)
	for _, shipped := range []bool{true, false} {
		for _, u := range units {
			if (u.Source == Builtin) != shipped {
				continue
			}
			rivals := ids
			if shipped {
				rivals = builtin
			}
			if err := fits(p.Services, taken, u, rivals); err != nil {
				dropped = append(dropped, Dropped{u.ID, err})
				continue
			}
			maps.Copy(taken, u.Project.Services)
			kept = append(kept, u)
		}
	}
	for {
		services := maps.Clone(p.Services)
		for _, u := range kept {
			maps.Copy(services, u.Project.Services)
		}
		n := len(kept)
		kept = slices.DeleteFunc(kept, func(u *Unit) bool {
			err := dangling(u, services)
			if err != nil {
				dropped = append(dropped, Dropped{u.ID, err})
			}
			return err != nil
		})
		if len(kept) == n {
			break
		}
	}
	for _, u := range kept {
		merge(p, u.Project)
	}
	return p, dropped
}

func merge(p, unit *types.Project) {
	if p.Volumes == nil {
		p.Volumes = types.Volumes{}
	}
	if p.Configs == nil {
		p.Configs = types.Configs{}
	}
	if p.Secrets == nil {
		p.Secrets = types.Secrets{}
	}
	maps.Copy(p.Services, unit.Services)
	for key, n := range unit.Networks {
		if key != DefaultNetwork { // the base's own: an extension cannot redefine it
			p.Networks[key] = n
		}
	}
	maps.Copy(p.Volumes, unit.Volumes)
	maps.Copy(p.Configs, unit.Configs)
	maps.Copy(p.Secrets, unit.Secrets)
}

// fits refuses services that are not the unit's own: their names must be its id or begin with `<id>-`, and
// must not belong to a longer id.
func fits(core, taken types.Services, u *Unit, ids []string) error {
	for _, name := range u.ServiceNames() {
		at := "services." + name
		if !OwnsService(u.ID, name, ids) {
			return u.refuse(at, fmt.Sprintf("service %q is not named like its extension", name),
				fmt.Sprintf("call it %s or %s-…", u.ID, u.ID))
		}
		if _, is := core[name]; is {
			return u.refuse(at, fmt.Sprintf("service %q conflicts with core service %q", name, name), "give it another name")
		}
		if _, is := taken[name]; is {
			return u.refuse(at, fmt.Sprintf("service %q is a built-in extension's", name), "give it another name")
		}
	}
	return nil
}

// OwnsService reports whether a service of this name belongs to the extension id and to no longer one of ids.
func OwnsService(id, service string, ids []string) bool {
	under := func(id string) bool { return service == id || strings.HasPrefix(service, id+"-") }
	if !under(id) {
		return false
	}
	return !slices.ContainsFunc(ids, func(other string) bool { return len(other) > len(id) && under(other) })
}

// dangling refuses a unit whose services depend on services that nobody defines.
func dangling(u *Unit, services types.Services) error {
	for _, name := range u.ServiceNames() {
		s := u.Project.Services[name]
		for _, dep := range slices.Sorted(maps.Keys(s.DependsOn)) {
			if _, ok := services[dep]; ok || !s.DependsOn[dep].Required {
				continue
			}
			return u.refuse("services."+name+".depends_on."+dep,
				fmt.Sprintf("service %q depends on %q, which no enabled extension defines", name, dep),
				fmt.Sprintf("enable the extension that has %q, or remove the dependency", dep))
		}
		if other := networkOf(s); other != "" {
			if _, ok := services[other]; !ok {
				return u.refuse("services."+name+".network_mode",
					fmt.Sprintf("service %q uses the network of %q, which no enabled extension defines", name, other), "name a service that exists")
			}
		}
		for _, r := range references(u.Project, s) {
			if !r.defined {
				return u.refuse("services."+name+"."+r.path,
					fmt.Sprintf("service %q %s %q, which is not defined", name, r.what, strings.TrimPrefix(r.key, u.ID+".")), r.fix)
			}
		}
	}
	return nil
}

// reference is a place where a service names a network, volume, config or secret.
type reference struct {
	path      string // below the service
	what, key string
	defined   bool
	fix       string
}

func references(p *types.Project, s types.ServiceConfig) []reference {
	var refs []reference
	for _, key := range slices.Sorted(maps.Keys(s.Networks)) {
		_, ok := p.Networks[key]
		refs = append(refs, reference{"networks", "joins network", key, ok || key == DefaultNetwork, "define it under networks, or join dream-network"})
	}
	for i, v := range s.Volumes {
		if v.Type == types.VolumeTypeVolume && v.Source != "" {
			_, ok := p.Volumes[v.Source]
			refs = append(refs, reference{fmt.Sprintf("volumes.%d", i), "mounts volume", v.Source, ok, "define it under volumes"})
		}
	}
	for i, c := range s.Configs {
		_, ok := p.Configs[c.Source]
		refs = append(refs, reference{fmt.Sprintf("configs.%d", i), "mounts config", c.Source, ok, "define it under configs"})
	}
	for i, c := range s.Secrets {
		_, ok := p.Secrets[c.Source]
		refs = append(refs, reference{fmt.Sprintf("secrets.%d", i), "mounts secret", c.Source, ok, "define it under secrets"})
	}
	return refs
}

// networkOf is the service whose network s uses; mostly none.
func networkOf(s types.ServiceConfig) string {
	other, ok := strings.CutPrefix(s.NetworkMode, types.ServicePrefix)
	if !ok {
		return ""
	}
	return other
}

// refuse is a finding against the unit as an error.
func (u *Unit) refuse(path, message, fix string) *problem.Error {
	pos := u.Lines.Find(path)
	return invalid(Input{ID: u.ID}, pos.File, pos.Line, path, message, fix)
}

// Closure is the part of the project that the named services need: themselves, what they depend on, and the
// networks, volumes, configs and secrets of these. An optional dependency on a service that does not exist is left
// out: docker compose refuses it.
func Closure(p *types.Project, services []string) *types.Project {
	out := &types.Project{
		Services: types.Services{}, Networks: types.Networks{}, Volumes: types.Volumes{},
		Configs: types.Configs{}, Secrets: types.Secrets{},
	}
	missing := func(service string) bool {
		_, ok := p.Services[service]
		return !ok
	}
	todo := slices.Clone(services)
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		s := p.Services[name]
		if _, done := out.Services[name]; done || missing(name) {
			continue
		}
		if slices.ContainsFunc(slices.Collect(maps.Keys(s.DependsOn)), missing) {
			s.DependsOn = maps.Clone(s.DependsOn)
			maps.DeleteFunc(s.DependsOn, func(dep string, _ types.ServiceDependency) bool { return missing(dep) })
		}
		out.Services[name] = s
		todo = slices.AppendSeq(todo, maps.Keys(s.DependsOn))
		if other := networkOf(s); other != "" {
			todo = append(todo, other)
		}
	}
	for _, s := range out.Services {
		if len(s.Networks) == 0 && s.NetworkMode == "" {
			out.Networks[DefaultNetwork] = p.Networks[DefaultNetwork]
		}
		for net := range s.Networks {
			out.Networks[net] = p.Networks[net]
		}
		for _, v := range s.Volumes {
			if def, ok := p.Volumes[v.Source]; ok && v.Type == types.VolumeTypeVolume {
				out.Volumes[v.Source] = def
			}
		}
		for _, c := range s.Configs {
			out.Configs[c.Source] = p.Configs[c.Source]
		}
		for _, c := range s.Secrets {
			out.Secrets[c.Source] = p.Secrets[c.Source]
		}
	}
	return out
}
