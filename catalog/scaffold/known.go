package scaffold

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strconv"

	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const (
	// firstHostPort is the first port that an extension may publish.
	firstHostPort = 1024
	// firstFreePort is where the search for one begins. Those that ship are below or far apart.
	firstFreePort = 7900
	agentPort     = 7710
)

// Known is what other extensions have: names, variables, and ports on this machine. [NewKnown] makes one.
type Known struct {
	names     map[string]owned  // ids and aliases
	variables map[string]string // their names, with the id of the extension that declares it first
	ports     map[int]string    // by the id of the extension that has it
}

type owned struct {
	id      string
	alias   bool
	builtIn bool
}

// NewKnown knows the platform's own port and nothing else.
func NewKnown() *Known {
	return &Known{names: map[string]owned{}, variables: map[string]string{}, ports: map[int]string{agentPort: "the host agent"}}
}

// Look adds the extensions in folders of fsys; builtIn are those whose ids are never free. The owner's settings say which
// ports theirs are set to. What cannot be read has no say: it is shown where extensions are listed.
func (k *Known) Look(fsys fs.FS, builtIn bool, settings map[string]string) error {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		m, err := manifest.Read(fsys, e.Name())
		if err != nil {
			continue
		}
		k.add(m, builtIn, settings)
	}
	return nil
}

func (k *Known) add(m *manifest.Manifest, builtIn bool, settings map[string]string) {
	s := m.Service
	for _, alias := range s.Aliases {
		if k.names[alias].id == "" {
			k.names[alias] = owned{id: s.ID, alias: true, builtIn: builtIn}
		}
	}
	if before, ok := k.names[s.ID]; !ok || before.alias {
		k.names[s.ID] = owned{id: s.ID, builtIn: builtIn}
	}
	for _, v := range s.Variables() {
		k.variable(v.Key, s.ID)
	}
	k.variable(s.HostEnv, s.ID)
	k.port(s.ExternalPortDefault, s.ID)
	for _, v := range s.EnvVars {
		if v.Type == manifest.PortVar && v.Default != nil {
			port, _ := strconv.Atoi(*v.Default)
			k.port(port, s.ID)
		}
	}
	for _, key := range append([]string{s.ExternalPortEnv}, portKeys(s.EnvVars)...) {
		port, _ := strconv.Atoi(settings[key])
		k.port(port, s.ID)
	}
}

func (k *Known) variable(key, id string) {
	if key != "" && k.variables[key] == "" {
		k.variables[key] = id
	}
}

// platform has the variables that no extension may have.
const platform = "the platform"

// ownerOf is who has a variable; empty where nobody does.
func (k *Known) ownerOf(key string) string {
	if config.ReservedEnv(key) {
		return platform
	}
	return k.variables[key]
}

// Prefix is how the names of a new extension's variables begin: [Prefix] of its id, unless the names that its manifest
// has by itself are taken. Two ids may have one prefix, and a setting of the platform's may begin with it; then note says so.
func (k *Known) Prefix(id string) (prefix string, note *Note) {
	prefix = Prefix(id)
	key, owner := k.ownVariable(prefix)
	if owner == "" {
		return prefix, nil
	}
	stem := prefix
	if config.ReservedEnv(stem + "_") { // all that begins so
		stem = "X_" + prefix
	}
	prefix = stem
	for i := 2; ; i++ {
		if _, taken := k.ownVariable(prefix); taken == "" {
			break
		}
		prefix = stem + "_" + strconv.Itoa(i)
	}
	return prefix, &Note{Kind: Changed, Message: "its variables begin with " + prefix + "_, because " + key + " belongs to " + owner}
}

// ownVariable is one of the variables that every new manifest has and somebody else does, too.
func (k *Known) ownVariable(prefix string) (key, owner string) {
	for _, key := range []string{prefix + "_PORT", prefix + "_HOST"} {
		if owner := k.ownerOf(key); owner != "" {
			return key, owner
		}
	}
	return "", ""
}

func portKeys(vars []manifest.EnvVar) []string {
	var keys []string
	for _, v := range vars {
		if v.Type == manifest.PortVar {
			keys = append(keys, v.Key)
		}
	}
	return keys
}

func (k *Known) port(port int, id string) {
	if port != 0 && k.ports[port] == "" {
		k.ports[port] = id
	}
}

// CheckID refuses an id that is taken.
func (k *Known) CheckID(id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	switch has, ok := k.names[id]; {
	case !ok:
		return nil
	case has.builtIn && !has.alias:
		return problem.Newf(problem.ReservedID, "the id %q belongs to a built-in extension: choose another", id)
	case has.alias:
		return problem.Newf(problem.Conflict, "the id %q is a short name of the extension %q: choose another", id, has.id)
	}
	return problem.Newf(problem.Conflict, "there is an extension %q already: choose another id, or edit that one", id)
}

// CheckPort refuses a port on this machine that another extension has by default.
func (k *Known) CheckPort(port int) error {
	if id := k.ports[port]; id != "" {
		return problem.Newf(problem.PortTaken, "port %d on this machine belongs to %s: write another, such as %d, or leave it out", port, id, k.FreePort(0))
	}
	return nil
}

// FreePort is a port on this machine that nobody has by default: the wanted one if that is free, and then it is taken.
func (k *Known) FreePort(wanted int) int {
	if wanted < firstHostPort || wanted > 65535 || k.ports[wanted] != "" {
		wanted = firstFreePort
		for k.ports[wanted] != "" {
			wanted++
		}
	}
	return wanted
}

// Take notes that this extension has the port now.
func (k *Known) Take(port int, id string) {
	k.ports[port] = id
}

// hosts are the names that others have on the network.
func (k *Known) hosts() []string { return slices.Sorted(maps.Keys(k.names)) }
