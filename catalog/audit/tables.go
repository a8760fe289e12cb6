package audit

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
	"dreamserver/security"
)

// tables are what every extension and the core take: name → the ids that have it. They hold all extensions, also
// when the report is about one.
type tables struct {
	ids        map[string]bool
	builtin    map[string]bool
	aliases    owners
	containers owners
	features   owners
	ports      owners // 8080/tcp
	variables  map[string][]declaration
	depends    map[string][]string
	core       []string // ids of the core services
	secrets    security.Secrets
	builtinIDs []string // sorted
	allIDs     []string // sorted
}

// owners is who has a name, each once, in the order in which they were found.
type owners map[string][]string

func (o owners) add(name, id string) {
	if name != "" && !slices.Contains(o[name], id) {
		o[name] = append(o[name], id)
	}
}

// others is who has the name beside the extension.
func (o owners) others(name, id string) []string {
	return slices.DeleteFunc(slices.Clone(o[name]), func(other string) bool { return other == id })
}

// theAgent has a port that no extension may have by default.
const theAgent = "the host agent"

func newTables(a *audit) *tables {
	t := &tables{
		ids: map[string]bool{}, builtin: map[string]bool{}, aliases: owners{}, containers: owners{}, features: owners{}, ports: owners{},
		variables: map[string][]declaration{}, depends: map[string][]string{}, secrets: security.Secrets{},
	}
	t.ports.add(fmt.Sprintf("%d/tcp", config.DefaultAgentPort), theAgent)
	for _, f := range a.folders {
		if !f.global {
			t.add(f)
		}
	}
	for _, s := range a.base {
		owner := s.name
		if !t.ids[owner] {
			owner = compose.BaseFile
		}
		for _, p := range s.ports {
			t.ports.add(p, owner)
		}
		t.containers.add(s.container, owner)
	}
	t.builtinIDs, t.allIDs = slices.Sorted(maps.Keys(t.builtin)), slices.Sorted(maps.Keys(t.ids))
	return t
}

func (t *tables) add(f *folder) {
	t.ids[f.id] = true
	if f.builtin() {
		t.builtin[f.id] = true
		if f.core() {
			t.core = append(t.core, f.id)
		}
	}
	for _, alias := range f.aliases() {
		t.aliases.add(alias, f.id)
	}
	for _, feature := range f.features() {
		t.features.add(feature.at("id").text(), f.id)
	}
	for _, c := range f.containers() {
		t.containers.add(c.text(), f.id)
	}
	for _, p := range f.hostPorts() {
		t.ports.add(p.port, f.id)
	}
	for _, d := range f.service.at("depends_on").texts() {
		t.depends[f.id] = append(t.depends[f.id], d.text())
	}
	if f.manifest != nil {
		t.secrets.Declare(f.id, f.manifest.Service.EnvVars)
		t.declare(f)
	}
}

// idsOf are the ids of the extensions that are beside this one. What an owner installs is not beside what ships.
func (t *tables) idsOf(f *folder) []string {
	if f.builtin() {
		return t.builtinIDs
	}
	return t.allIDs
}

// baseService is what a service of the base files takes.
type baseService struct {
	name, container string
	ports           []string
}

// readBase reads the services of the core. What cannot be read there is for other tests to find.
func readBase(fsys fs.FS) []baseService {
	names, _ := fs.Glob(fsys, "docker-compose.*.yml")
	var all []baseService
	for _, name := range names {
		if name == compose.OverrideFile {
			continue
		}
		data, err := readFile(fsys, name, yamldoc.MaxBytes)
		if err != nil {
			continue
		}
		doc, err := yamldoc.Parse(data, "!reset", "!override")
		if err != nil {
			continue
		}
		for _, s := range root(doc).at("services").keys() {
			b := baseService{name: s.key, container: fill(s.at("container_name").text(), nil)}
			for _, p := range ports(s, nil) {
				b.ports = append(b.ports, p.host()...)
			}
			all = append(all, b)
		}
	}
	return all
}

// collisions reports folders that have one id. A copy of the library's that is installed has its id by right.
func (a *audit) collisions(chosen []*folder) {
	byID := map[string][]*folder{}
	for _, f := range a.folders {
		if !f.global {
			byID[f.id] = append(byID[f.id], f)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		same := byID[id]
		if len(same) < 2 || isInstalledCopy(same) || !slices.ContainsFunc(same, func(f *folder) bool { return slices.Contains(chosen, f) }) {
			continue
		}
		var where []string
		for _, f := range same {
			where = append(where, path.Join(f.root.Dir, f.dir))
		}
		a.global("service-id-collision", where[0], fmt.Sprintf("id %s is that of %s", quote(id), strings.Join(where, " and ")))
	}
}

// isInstalledCopy reports whether the two are the library's extension and the same, installed.
func isInstalledCopy(same []*folder) bool {
	return len(same) == 2 && same[0].root != same[1].root && !same[0].builtin()
}

// checkNames compares the extension's names with those of all others.
func (f *folder) checkNames(t *tables) {
	seen := map[string]bool{}
	for _, alias := range f.service.at("aliases").texts() {
		name := alias.text()
		if seen[name] {
			f.find("alias-duplicate-local", alias, "repeats %s", quote(name))
			continue
		}
		seen[name] = true
		if others := t.aliases.others(name, f.id); len(others) > 0 {
			f.find("alias-collision", alias, "%s is an alias of %s, too", quote(name), strings.Join(others, ", "))
		}
		if t.ids[name] && name != f.id {
			f.find("alias-shadows-service", alias, "%s is the id of another service", quote(name))
		} else if others := t.containers.others(name, f.id); len(others) > 0 {
			f.find("alias-shadows-service", alias, "%s is a container of %s", quote(name), strings.Join(others, ", "))
		}
	}
	for _, c := range f.containers() {
		if others := t.containers.others(c.text(), f.id); len(others) > 0 {
			f.addAt("container-name-collision", c, fmt.Sprintf("container %s is one of %s, too", quote(c.text()), strings.Join(others, ", ")))
		}
	}
	f.checkDependencies(t)
}

func (f *folder) checkDependencies(t *tables) {
	for _, d := range f.service.at("depends_on").texts() {
		if id := d.text(); !t.ids[id] && manifest.ValidID(id) {
			f.find("dependency-missing", d, "%s is no extension", quote(id))
		}
	}
	if way := t.cycle(f.id); way != nil && !f.has("dependency-cycle") {
		f.find("dependency-cycle", f.service.at("depends_on"), "goes round: %s", strings.Join(way, " needs "))
	}
}

// cycle is a shortest way from the extension back to itself along dependencies; nil when there is none.
func (t *tables) cycle(id string) []string {
	from := map[string]string{}
	for queue := []string{id}; len(queue) > 0; queue = queue[1:] {
		for _, next := range t.depends[queue[0]] {
			if next == id {
				way := []string{id}
				for at := queue[0]; at != id; at = from[at] {
					way = append(way, at)
				}
				way = append(way, id)
				slices.Reverse(way)
				return way
			}
			if _, ok := from[next]; !ok {
				from[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// checkPorts compares the extension's default ports on this machine with those of all others.
func (f *folder) checkPorts(t *tables) {
	seen := map[string]bool{}
	for _, p := range f.hostPorts() {
		if seen[p.port] {
			continue
		}
		seen[p.port] = true
		if others := t.ports.others(p.port, f.id); len(others) > 0 {
			f.addAt("port-collision", p.at, fmt.Sprintf("port %s on this machine is also that of %s", p.port, strings.Join(others, ", ")))
		}
	}
}
