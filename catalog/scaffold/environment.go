package scaffold

import (
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/config"
)

// entry is one variable of a service, from environment or from a file.
type entry struct {
	key   string
	value string
	at    *yaml.Node // where it stands
	from  *yaml.Node // its key, whose comments stay; nil where it has none
}

func (e entry) literal() bool { return !strings.Contains(strings.ReplaceAll(e.value, "$$", ""), "$") }

// env are the variables of the service in the file's order, those of its files first.
func (s *service) env() []entry {
	var all []entry
	put := func(e entry, unset bool) {
		if unset { // handed through from the environment of who starts it
			e.value = "${" + e.key + ":-}"
		}
		if i := slices.IndexFunc(all, func(have entry) bool { return have.key == e.key }); i >= 0 {
			all[i] = e
			return
		}
		all = append(all, e)
	}
	for _, item := range items(get(s.in, "env_file")) {
		name := text(item)
		if item.Kind == yaml.MappingNode {
			name = text(get(item, "path"))
		}
		values, err := s.c.envFile(name)
		if err != nil {
			continue // said in environment
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			put(entry{key: key, value: strings.ReplaceAll(values[key], "$", "$$"), at: item}, false)
		}
	}
	env := get(s.in, "environment")
	for key, value := range pairs(env) {
		put(entry{key: key.Value, value: text(value), at: value, from: key}, value.ShortTag() == "!!null")
	}
	for _, item := range items(env) {
		if item.Kind == yaml.ScalarNode {
			key, value, found := strings.Cut(item.Value, "=")
			put(entry{key: key, value: value, at: item, from: &yaml.Node{HeadComment: item.HeadComment}}, !found)
		}
	}
	return slices.DeleteFunc(all, func(e entry) bool { return nameEnd(e.key) != len(e.key) && !dotted(e.key) || e.key == "" })
}

// dotted reports whether a key is one with dots, as programs in Java read.
func dotted(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// envFile reads a file of variables that lies beside the compose file.
func (c *converter) envFile(name string) (map[string]string, error) {
	data, err := c.besides(path.Clean(name))
	if err != nil {
		return nil, err
	}
	return config.ParseEnv(name, data)
}

// environment writes the variables as a mapping. Passwords become the extension's own.
func (s *service) environment(key string, _ *yaml.Node) {
	s.missingFiles()
	out := mapping()
	for _, e := range s.env() {
		at := *e.at
		at.Value = e.value
		value := s.c.hosts(s.path(key, e.key), e.key, &at)
		hidden := s.c.variables.value(e.key, value)
		if e.literal() && hidden != value {
			s.c.note(Changed, e.at, s.path(key, e.key), "no longer holds the example's secret: the extension makes one of its own", "")
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
	for _, item := range items(get(s.in, "env_file")) {
		name := text(item)
		if item.Kind == yaml.MappingNode {
			name = text(get(item, "path"))
		}
		_, err := s.c.envFile(name)
		if err != nil {
			s.c.note(Todo, item, s.path("env_file"), whyNot(name, err),
				"write what it sets into environment, and declare what an owner should choose in env_vars")
			continue
		}
		s.c.note(Changed, item, s.path("env_file"), name+" is written out in environment", "")
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
