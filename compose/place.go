package compose

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/config"
)

// Place is where a unit stands in one installation.
type Place struct {
	Names      config.Names
	InstallDir string
	DataDir    string // ./data/… of every unit
	// OwnDir is the unit's own folder, or the agent's copy of it: every other relative path of a user unit, and
	// ./extensions/services/<id>/… of every unit.
	OwnDir string
	// KeepNames leaves names as they are: for what was placed once already.
	KeepNames bool
}

// DefaultNetwork is the key of the network that all services share, in the base files and in every joined model.
const DefaultNetwork = "default"

// Place puts the unit's relative paths and its names where they belong in this installation. Absolute and
// home-relative paths stay as they are, for the scan to refuse. Volumes, networks, configs and secrets of an
// extension are renamed to <id>.<key>; an external network named like the platform's is the platform's; an image
// that it builds is named after its service.
func (u *Unit) Place(p Place, base bool) {
	r := renamer{unit: u, place: p, base: base, networks: map[string]string{}}
	r.networkNames()
	project := u.Project
	for name, s := range project.Services {
		r.service(&s)
		project.Services[name] = s
	}
	for key, n := range project.Networks {
		if r.isShared(key, n) {
			delete(project.Networks, key)
		}
	}
	if base {
		for key, n := range project.Networks {
			if key == DefaultNetwork {
				n.Name = p.Names.Network
				project.Networks[key] = n
			}
		}
	} else {
		project.Networks = renameKeys(project.Networks, r.network)
		project.Volumes = renameKeys(project.Volumes, r.own)
		project.Configs = renameKeys(project.Configs, r.own)
		project.Secrets = renameKeys(project.Secrets, r.own)
	}
	for key, c := range project.Configs {
		c.File = r.path(c.File)
		project.Configs[key] = c
	}
	for key, s := range project.Secrets {
		s.File = r.path(s.File)
		project.Secrets[key] = s
	}
}

type renamer struct {
	unit     *Unit
	place    Place
	base     bool
	networks map[string]string // key in the unit → key in the joined model
}

// networkNames finds the unit's keys for the platform's network: `default`, and any external network of its name.
func (r *renamer) networkNames() {
	r.networks[DefaultNetwork] = DefaultNetwork
	for key, n := range r.unit.Project.Networks {
		if r.isShared(key, n) {
			r.networks[key] = DefaultNetwork
		}
	}
}

// isShared reports whether the unit means the platform's network, which it joins and does not define.
func (r *renamer) isShared(key string, n types.NetworkConfig) bool {
	name := cmp.Or(n.Name, key)
	return bool(n.External) && (name == config.DefaultNames().Network || name == r.place.Names.Network)
}

func (r *renamer) network(key string) string {
	if to, ok := r.networks[key]; ok || r.base {
		if ok {
			return to
		}
		return key
	}
	return r.own(key)
}

// own namespaces a key. Ids have no dot, so that no two extensions can meet.
func (r *renamer) own(key string) string {
	if r.base {
		return key
	}
	return r.unit.ID + "." + key
}

func (r *renamer) service(s *types.ServiceConfig) {
	if prefix := config.DefaultNames().Prefix; strings.HasPrefix(s.ContainerName, prefix) && !r.place.KeepNames {
		s.ContainerName = r.place.Names.Prefix + strings.TrimPrefix(s.ContainerName, prefix)
	}
	s.Networks = r.serviceNetworks(s.Networks)
	for i, v := range s.Volumes {
		switch {
		case v.Type == types.VolumeTypeBind:
			s.Volumes[i].Source = r.path(v.Source)
		case v.Type == types.VolumeTypeVolume && v.Source != "":
			s.Volumes[i].Source = r.own(v.Source)
		}
	}
	for i := range s.Configs {
		s.Configs[i].Source = r.own(s.Configs[i].Source)
	}
	for i := range s.Secrets {
		s.Secrets[i].Source = r.own(s.Secrets[i].Source)
	}
	if s.Build != nil {
		s.Build.Context = r.path(s.Build.Context)
		if s.Image == "" || !r.base { // an extension must not build another's image
			s.Image = r.place.Names.Project + "-" + s.Name
		}
	}
}

// serviceNetworks renames the keys. A service may join the platform's network by two keys; it then has the names
// of both.
func (r *renamer) serviceNetworks(m map[string]*types.ServiceNetworkConfig) map[string]*types.ServiceNetworkConfig {
	if len(m) == 0 {
		return m
	}
	out := make(map[string]*types.ServiceNetworkConfig, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		to, n := r.network(key), m[key]
		if prior := out[to]; prior != nil && n != nil {
			both := *n
			both.Aliases = slices.Concat(prior.Aliases, n.Aliases)
			n = &both
		} else if n == nil {
			n = prior
		}
		out[to] = n
	}
	return out
}

// path is a relative host path in its place. Others are returned as they are.
func (r *renamer) path(p string) string {
	if p == "" || filepath.IsAbs(p) || strings.HasPrefix(p, "~") || strings.Contains(p, "://") {
		return p
	}
	clean := filepath.Clean(p)
	if rest, ok := below(clean, "data"); ok {
		return filepath.Join(r.place.DataDir, rest)
	}
	if rest, ok := below(clean, filepath.Join("extensions", "services", r.unit.ID)); ok && !r.base {
		return filepath.Join(r.place.OwnDir, rest)
	}
	if r.base || r.unit.Source == Builtin {
		return filepath.Join(r.place.InstallDir, clean)
	}
	return filepath.Join(r.place.OwnDir, clean)
}

// below reports whether path is dir or lies in it, and what remains.
func below(path, dir string) (string, bool) {
	if path == dir {
		return ".", true
	}
	rest, ok := strings.CutPrefix(path, dir+string(filepath.Separator))
	return rest, ok
}

func renameKeys[M ~map[string]V, V any](m M, rename func(string) string) M {
	if m == nil {
		return nil
	}
	out := make(M, len(m))
	for k, v := range m {
		out[rename(k)] = v
	}
	return out
}

// ServiceNames lists the unit's services, sorted.
func (u *Unit) ServiceNames() []string {
	names := make([]string, 0, len(u.Project.Services))
	for name := range u.Project.Services {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
