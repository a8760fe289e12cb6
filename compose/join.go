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
// does not exist, drops out alone; a unit that depends on it drops out too.
func Join(base *Unit, units []*Unit) (*types.Project, []Dropped) {
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
	ids := make([]string, 0, len(units))
	for _, u := range units {
		ids = append(ids, u.ID)
	}
	var dropped []Dropped
	kept := make([]*Unit, 0, len(units))
	for _, u := range units {
		if err := fits(p, u, ids); err != nil {
			dropped = append(dropped, Dropped{u.ID, err})
			continue
		}
		kept = append(kept, u)
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
func fits(p *types.Project, u *Unit, ids []string) error {
	for _, name := range u.ServiceNames() {
		at := "services." + name
		if !OwnsService(u.ID, name, ids) {
			return u.refuse(at, fmt.Sprintf("service %q is not named like its extension", name),
				fmt.Sprintf("call it %s or %s-…", u.ID, u.ID))
		}
		if _, taken := p.Services[name]; taken {
			return u.refuse(at, fmt.Sprintf("service %q conflicts with core service %q", name, name), "give it another name")
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
		for _, net := range slices.Sorted(maps.Keys(s.Networks)) {
			if _, ok := u.Project.Networks[net]; !ok && net != DefaultNetwork {
				return u.refuse("services."+name+".networks", fmt.Sprintf("service %q joins network %q, which is not defined",
					name, strings.TrimPrefix(net, u.ID+".")), "define it under networks, or join dream-network")
			}
		}
		for i, v := range s.Volumes {
			if _, ok := u.Project.Volumes[v.Source]; !ok && v.Type == types.VolumeTypeVolume && v.Source != "" {
				return u.refuse(fmt.Sprintf("services.%s.volumes.%d", name, i), fmt.Sprintf("service %q mounts volume %q, which is not defined",
					name, strings.TrimPrefix(v.Source, u.ID+".")), "define it under volumes")
			}
		}
	}
	return nil
}

// refuse is a finding against the unit as an error.
func (u *Unit) refuse(path, message, fix string) *problem.Error {
	pos := u.Lines.Find(path)
	return invalid(Input{ID: u.ID}, pos.File, pos.Line, path, message, fix)
}

// Closure is the part of the project that the named services need: themselves, what they depend on, and the
// networks, volumes, configs and secrets of these.
func Closure(p *types.Project, services []string) *types.Project {
	out := &types.Project{
		Services: types.Services{}, Networks: types.Networks{}, Volumes: types.Volumes{},
		Configs: types.Configs{}, Secrets: types.Secrets{},
	}
	todo := slices.Clone(services)
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		s, exists := p.Services[name]
		if _, done := out.Services[name]; done || !exists {
			continue
		}
		out.Services[name] = s
		for dep := range s.DependsOn {
			todo = append(todo, dep)
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
