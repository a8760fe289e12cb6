package scaffold

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/manifest"
)

// entry is one variable of a service, from environment or from a file.
type entry struct {
	key   string
	value string
	at    *yaml.Node // where it stands
	from  *yaml.Node // its key, whose comments stay; nil where it has none

	file   bool // it is from a file, which is somebody's configuration
	secret bool // its value must not be in the extension
}

func (e entry) literal() bool { return !strings.Contains(strings.ReplaceAll(e.value, "$$", ""), "$") }

// What is beyond what people publish. A file of variables may be named by many services, and by one of them many times.
const (
	maxEntries  = 1000    // variables of one service
	maxEnvFiles = 100     // files, by name
	maxEnvText  = 1 << 20 // bytes of names and values in all services together, those of a file for each that names it
)

// environments reads the variables of all services, once: several steps look at them.
func (c *converter) environments() error {
	for _, s := range c.services {
		if err := s.readEnv(); err != nil {
			return fmt.Errorf("line %d: service %q: %w", s.key.Line, s.old, err)
		}
	}
	return nil
}

// readEnv reads the variables of the service in the file's order, those of its files first.
func (s *service) readEnv() error {
	var all []entry
	index := map[string]int{}
	put := func(e entry, unset bool) error {
		if unset { // handed through from the environment of who starts it
			e.value = s.c.withDefaults("${"+e.key+":-}", false)
		}
		if s.c.envText += len(e.key) + len(e.value) + 1; s.c.envText > maxEnvText {
			return fmt.Errorf("its variables and those of the services above are more than %d bytes: leave out what it does without", maxEnvText)
		}
		if i, ok := index[e.key]; ok {
			all[i] = e
			return nil
		}
		index[e.key] = len(all)
		if all = append(all, e); len(all) > maxEntries {
			return fmt.Errorf("has more than %d variables: leave out those that it does without", maxEntries)
		}
		return nil
	}
	for _, item := range s.envFiles() {
		file := s.c.envFile(item.name)
		if len(s.c.envFilesRead) > maxEnvFiles {
			return fmt.Errorf("env_file: more than %d files are named: write what they set into environment", maxEnvFiles)
		}
		for _, key := range file.keys { // none of one that cannot be read, which environment says
			if err := put(s.c.fromFile(key, file.values[key], item.at), false); err != nil {
				return err
			}
		}
	}
	env := get(s.in, "environment")
	for key, value := range pairs(env) {
		if err := put(entry{key: key.Value, value: text(value), at: value, from: key}, value.ShortTag() == "!!null"); err != nil {
			return err
		}
	}
	for _, item := range items(env) {
		if item.Kind == yaml.ScalarNode {
			key, value, found := strings.Cut(item.Value, "=")
			if err := put(entry{key: key, value: value, at: item, from: &yaml.Node{HeadComment: item.HeadComment}}, !found); err != nil {
				return err
			}
		}
	}
	s.env = slices.DeleteFunc(all, func(e entry) bool { return nameEnd(e.key) != len(e.key) && !dotted(e.key) || e.key == "" })
	for i, e := range s.env {
		if e.literal() && (manifest.SoundsSecret(e.key) && isExample(e.value) || issued.MatchString(e.value)) {
			s.env[i].secret = true
		}
	}
	return nil
}

// dotted reports whether a key is one with dots, as programs in Java read.
func dotted(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// namedFile is one that env_file names.
type namedFile struct {
	name string
	at   *yaml.Node
}

func (s *service) envFiles() []namedFile {
	var all []namedFile
	for _, item := range items(get(s.in, "env_file")) {
		name := text(item)
		if item.Kind == yaml.MappingNode {
			name = text(get(item, "path"))
		}
		all = append(all, namedFile{name, item})
	}
	return all
}

// envFile is a file of variables that lies beside the compose file.
type envFile struct {
	keys   []string // sorted
	values map[string]string
	err    error
}

// envFile reads the file when it is asked for first.
func (c *converter) envFile(name string) envFile {
	name = path.Clean(name)
	file, ok := c.envFilesRead[name]
	if ok {
		return file
	}
	var data []byte
	if data, file.err = c.besides(name); file.err == nil {
		file.values, file.err = compose.ParseEnvFile(data)
	}
	file.keys = slices.Sorted(maps.Keys(file.values))
	c.envFilesRead[name] = file
	return file
}

// environment writes the variables as a mapping. Passwords become the extension's own.
func (s *service) environment(key string, _ *yaml.Node) {
	s.missingFiles()
	out := mapping()
	for _, e := range s.env {
		at := *e.at
		at.Value = e.value
		value := s.c.hosts(s.path(key, e.key), e.key, &at)
		hidden := s.c.variables.value(e, value)
		if e.literal() && hidden != value {
			if name := s.c.variables.asked(hidden); name != "" {
				s.c.note(Changed, e.at, s.path(key, e.key), "no longer holds the secret, which only its owner knows: "+name+" is asked for", "")
			} else {
				s.c.note(Changed, e.at, s.path(key, e.key), "no longer holds the example's secret: the extension makes one of its own", "")
			}
		}
		n := words(hidden)
		s.leftover(key+"."+e.key, e.at, hidden)
		if e.at.Kind == yaml.ScalarNode && e.at.ShortTag() != "!!str" && hidden == e.at.Value {
			n = quoted(hidden)
		}
		if e.from != nil {
			n.LineComment = e.at.LineComment
		}
		set(out, e.from, e.key, n)
	}
	if len(out.Content) > 0 {
		s.out[key] = out
	}
}

// missingFiles says which files of variables nobody can read here.
func (s *service) missingFiles() {
	for _, item := range s.envFiles() {
		if err := s.c.envFile(item.name).err; err != nil {
			s.c.note(Todo, item.at, s.path("env_file"), whyNot(item.name, err),
				"write what it sets into environment, and declare what an owner should choose in env_vars")
			continue
		}
		s.c.note(Changed, item.at, s.path("env_file"), item.name+" is written out in environment", "")
	}
}

// imageOf is the image's name, with the defaults of the variables in it: which version runs is the author's choice.
func imageOf(n *yaml.Node) string { return strings.TrimSuffix(defaults(text(n)), ":") }

func (s *service) image(key string, n *yaml.Node) {
	image := imageOf(n)
	if image != n.Value {
		s.c.note(Changed, n, s.path(key), "is "+image, "")
	}
	s.out[key] = words(image)
}
