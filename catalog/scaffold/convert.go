package scaffold

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
)

// Source is a compose file as people publish them, whoever wrote it.
type Source struct {
	Name    string // for messages
	Data    []byte
	Folder  fs.FS  // what lies beside it; nil for nothing
	Service string // the main service; empty for the first that publishes a port
}

// Conversion is an extension made of a compose file, and what became of the file.
type Conversion struct {
	Files    []File
	Service  string // the main service, as the compose file calls it
	Port     int    // inside its container; 0 where it listens on none that is known
	HostPort int
	Health   string // path; empty where there is no port
	// Unchecked is true where nobody knows how to tell that the main service works.
	Unchecked bool
	Notes     []Note // by kind, then by line
}

// A file has at most this many. The largest that people publish have some thirty services and a hundred variables.
const (
	maxServices  = 50
	maxVariables = 300
)

// Convert makes an extension of a compose file. What no extension may have is left out, with a note; the error is for a
// file that nothing can be made of. Of the options it takes ID, Folder and Schema, and Port, HostPort and Health where they are
// not zero. Time and memory are bounded by what package yamldoc reads, whatever the file holds.
func Convert(templates fs.FS, known *Known, o Options, src Source) (*Conversion, error) {
	given := Options{ID: o.ID, Port: cmp.Or(o.Port, 1), HostPort: cmp.Or(o.HostPort, firstFreePort), Health: cmp.Or(o.Health, "/")}
	if err := given.check(); err != nil {
		return nil, err
	}
	root, err := yamldoc.Parse(src.Data)
	if err != nil {
		return nil, problem.Newf(problem.InvalidArgument, "%s: %w", src.Name, err)
	}
	c := &converter{source: src, options: o, known: known, folders: map[string]string{}, shipped: map[string]string{}, envFilesRead: map[string]envFile{}, noted: map[Note]bool{}, result: &Conversion{}}
	c.variables = newVariables(c)
	prefix, note := known.Prefix(o.ID)
	if c.options.Prefix = prefix; note != nil {
		c.result.Notes = append(c.result.Notes, *note)
	}
	flat := flatten(root)
	c.substitute(flat)
	if err := c.read(flat); err != nil {
		return nil, problem.Newf(problem.InvalidArgument, "%s: %w", src.Name, err)
	}
	if err := c.environments(); err != nil {
		return nil, problem.Newf(problem.InvalidArgument, "%s: %w", src.Name, err)
	}
	c.variables.collect(c.services)
	if len(c.variables.declared) > maxVariables {
		return nil, problem.Newf(problem.InvalidArgument, "%s: has more than %d variables and secrets, which is all that a manifest has room for: write their values out", src.Name, maxVariables)
	}
	for _, s := range c.services {
		s.convert()
	}
	c.sayConfigured()
	c.settle()
	if err := c.files(templates); err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.result.Notes, func(a, b Note) int {
		return cmp.Or(slices.Index(Kinds(), a.Kind)-slices.Index(Kinds(), b.Kind), a.Line-b.Line)
	})
	return c.result, nil
}

// converter is one conversion.
type converter struct {
	source    Source
	options   Options
	known     *Known
	variables *variables

	services []*service
	main     *service
	ships    []File            // files beside the compose file that services mount
	shipped  map[string]string // their names, with where they lie beside it
	folders  map[string]string // below ./data/<id>, with what is kept there
	backends []string          // GPU vendors that a service reserves
	grants   []manifest.Grant
	noted    map[Note]bool
	result   *Conversion

	configured   configured
	envFilesRead map[string]envFile
	envText      int // bytes of what [converter.environments] has read
	shippedBytes int
}

func (c *converter) note(kind Kind, n *yaml.Node, path, message, fix string) {
	note := Note{Kind: kind, Path: path, Message: message, Fix: fix}
	if n != nil {
		note.Line = n.Line
	}
	if !c.noted[note] {
		c.noted[note] = true
		c.result.Notes = append(c.result.Notes, note)
	}
}

// read finds the services, their new names and the main one.
func (c *converter) read(root *yaml.Node) error {
	var defined *yaml.Node
	for key, value := range pairs(root) {
		switch key.Value {
		case "services":
			defined = value
		case "include":
			return fmt.Errorf("line %d: include reads other files: put everything into one, with `docker compose config`", key.Line)
		case "version", "name":
		case "networks", "volumes":
			c.foreign(key.Value, value)
		default:
			if !strings.HasPrefix(key.Value, "x-") {
				c.note(LeftOut, key, key.Value, "is not carried over", "write what it says into the services")
			}
		}
	}
	if defined == nil || defined.Kind != yaml.MappingNode || len(defined.Content) == 0 {
		return fmt.Errorf("defines no services: name a compose file")
	}
	if len(defined.Content) > 2*maxServices {
		return fmt.Errorf("line %d: defines more than %d services: an extension is one service and its helpers", defined.Line, maxServices)
	}
	for key, value := range pairs(defined) {
		if value.Kind != yaml.MappingNode {
			return fmt.Errorf("line %d: service %q is %s, not a mapping", key.Line, key.Value, yamldoc.KindName(value))
		}
		c.services = append(c.services, &service{c: c, old: key.Value, key: key, in: value})
	}
	if err := c.choose(); err != nil {
		return err
	}
	c.profiles()
	for _, s := range c.services {
		if n := get(s.in, "extends"); n != nil {
			return fmt.Errorf("line %d: service %q extends another: put everything into one file, with `docker compose config`", n.Line, s.old)
		}
		if image, build := get(s.in, "image"), get(s.in, "build"); text(image) == "" {
			line := cmp.Or(build, s.key).Line
			return fmt.Errorf("line %d: service %q has no image: build and publish it, and write image: with its name and version", line, s.old)
		} else if !isImage(imageOf(image)) {
			return fmt.Errorf("line %d: service %q: %.120q is no image's name: write one such as %s", image.Line, s.old, imageOf(image), exampleImage)
		}
	}
	c.rename()
	return nil
}

// foreign says what becomes of networks and volumes that are more than a name.
func (c *converter) foreign(section string, n *yaml.Node) {
	for key, value := range pairs(n) {
		at := section + "." + key.Value
		switch {
		case section == "networks" && key.Value == "dream-network":
		case get(value, "external") == nil && get(value, "driver_opts") == nil && get(value, "ipam") == nil:
		case section == "networks":
			c.note(LeftOut, key, at, "is not the extension's own", "its services reach each other, and the platform's, without it")
		default:
			c.note(LeftOut, key, at, "is kept elsewhere, and what is in it stays there", "copy it to "+c.folder(key.Value)+" after the first start")
		}
	}
}

// choose picks the main service: the one asked for, else the one of the extension's name, else the first with a port.
func (c *converter) choose() error {
	pick := func(suits func(*service) bool) bool {
		i := slices.IndexFunc(c.services, suits)
		if c.main == nil && i >= 0 {
			c.main = c.services[i]
		}
		return i >= 0
	}
	if c.source.Service != "" {
		if !pick(func(s *service) bool { return s.old == c.source.Service }) {
			var names []string
			for _, s := range c.services {
				names = append(names, strconv.Quote(s.old))
			}
			return fmt.Errorf("has no service %q: name one of %s", c.source.Service, strings.Join(names, ", "))
		}
	}
	published := func(s *service) bool { return get(s.in, "ports") != nil && get(s.in, "profiles") == nil }
	pick(func(s *service) bool { return s.old == c.options.ID && published(s) })
	pick(func(s *service) bool { return published(s) && !s.keepsData() })
	pick(published)
	pick(func(s *service) bool { return s.old == c.options.ID })
	pick(func(s *service) bool { return get(s.in, "profiles") == nil })
	pick(func(*service) bool { return true })
	c.result.Service = c.main.old
	if len(c.services) > 1 {
		c.note(Changed, c.main.key, "services."+c.main.old, "is the main service", "to choose another, "+c.again("--service NAME"))
	}
	return nil
}

// profiles leaves out what runs only when it is asked for: an extension has no profiles.
func (c *converter) profiles() {
	c.services = slices.DeleteFunc(c.services, func(s *service) bool {
		n := get(s.in, "profiles")
		if s == c.main || n == nil || len(n.Content) == 0 {
			return false
		}
		c.note(LeftOut, s.key, "services."+s.old, "runs only with a profile", "make it an extension of its own, if it is wanted")
		return true
	})
}

var notInNames = regexp.MustCompile(`[^a-z0-9_-]+`)

// rename gives each service a name that begins with the extension's.
func (c *converter) rename() {
	taken := map[string]bool{c.options.ID: true}
	for _, s := range c.services {
		if s == c.main {
			s.name = c.options.ID
		} else {
			word := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(s.old), "-"), "-_")
			word = cmp.Or(strings.TrimPrefix(word, c.options.ID+"-"), "helper")
			name := c.options.ID + "-" + word
			for i := 2; taken[name]; i++ {
				name = fmt.Sprintf("%s-%s-%d", c.options.ID, word, i)
			}
			s.name = name
		}
		taken[s.name] = true
		if s.name != s.old {
			c.note(Changed, s.key, "services."+s.old, "is named "+s.name, "")
		}
	}
}

// find is the service of this old name, or nil.
func (c *converter) find(old string) *service {
	i := slices.IndexFunc(c.services, func(s *service) bool { return s.old == old })
	if i < 0 {
		return nil
	}
	return c.services[i]
}

// settle does what needs all services: who reaches whom, and what waits for whom.
func (c *converter) settle() {
	for _, s := range c.services {
		s.dependsOn()
		s.join()
	}
	m := c.main
	switch {
	case c.result.Port == 0:
		c.result.Health = ""
		c.note(Todo, m.key, "services."+m.old, "publishes no port that is known here", "where it listens on one, "+c.again("--port PORT"))
	case c.result.Health == "":
		c.result.Health = "/"
	}
	for _, s := range c.services {
		s.unchecked()
		if image := text(s.out["image"]); checkImage(image) != nil {
			c.note(Todo, get(s.in, "image"), "services."+s.old+".image", image+" is whatever was published last", "write a tag with a version")
		}
	}
}

// again says how to convert the file once more: what was made is in the way.
func (c *converter) again(flag string) string {
	folder := cmp.Or(c.options.Folder, c.options.ID)
	if !oneWord.MatchString(folder) {
		folder = "'" + strings.ReplaceAll(folder, "'", `'\''`) + "'"
	}
	return "`rm -r " + folder + "` and run this again with " + flag
}

// oneWord is a path that a shell takes as it stands.
var oneWord = regexp.MustCompile(`\A[A-Za-z0-9_./-]+\z`)

// internal reports whether the extension has a network of its own.
func (c *converter) internal() bool { return len(c.services) > 1 }

func (c *converter) internalNetwork() string { return c.options.ID + "-internal" }
