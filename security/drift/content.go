package drift

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What a container runs is compared and not told: a word of a command, a variable or a label may be a secret. Of variables
// and labels the names are told, of commands that there is another.

// runs is the entrypoint and the command as the engine puts them together of a service and its image.
func (p pair) runs() (entrypoint, command []string) {
	entrypoint, command = p.want.Entrypoint, p.want.Command
	if len(entrypoint) == 0 {
		if len(command) == 0 {
			command = p.have.Defaults.Command
		}
		if entrypoint == nil {
			entrypoint = p.have.Defaults.Entrypoint
		}
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" {
		entrypoint = nil
	}
	return entrypoint, command
}

func command(p pair) (want, have []string) {
	_, wanted := p.runs()
	return p.another(wanted, p.have.Command)
}

func entrypoint(p pair) (want, have []string) {
	wanted, _ := p.runs()
	return p.another(wanted, p.have.Entrypoint)
}

func (p pair) another(wanted, is []string) (want, have []string) {
	if p.have.Defaults.Gone || slices.Equal(wanted, is) {
		return nil, nil
	}
	return []string{"its own"}, []string{"another one"}
}

// proxies are the variables that docker compose adds by itself, from its own configuration.
var proxies = regexp.MustCompile(`(?i)^(all|ftp|http|https|no)_proxy$`)

func environment(p pair) (want, have []string) {
	if p.have.Defaults.Gone {
		return nil, nil
	}
	wanted, is := assignments(p.have.Defaults.Env), assignments(p.have.Env)
	maps.Copy(wanted, assignments(p.want.Env))
	if p.ours {
		maps.DeleteFunc(is, func(key, _ string) bool { _, approved := wanted[key]; return !approved && proxies.MatchString(key) })
	}
	return named(wanted, is)
}

// assignments are KEY=value texts as a mapping. Of two with one key the last holds.
func assignments(list []string) map[string]string {
	out := map[string]string{}
	for _, text := range list {
		key, value, _ := strings.Cut(text, "=")
		out[key] = value
	}
	return out
}

func labels(p pair) (want, have []string) {
	if p.have.Defaults.Gone {
		return nil, nil
	}
	wanted, is := maps.Clone(p.have.Defaults.Labels), maps.Clone(p.have.Labels)
	if wanted == nil {
		wanted = map[string]string{}
	}
	maps.Copy(wanted, p.want.Labels)
	others := func(key, _ string) bool { // docker compose's own, and Docker Desktop's
		return strings.HasPrefix(key, "com.docker.compose.") || strings.HasPrefix(key, "desktop.docker.io/")
	}
	maps.DeleteFunc(wanted, others)
	maps.DeleteFunc(is, others)
	return named(wanted, is)
}

// plainName is a name that is told as it is.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,100}$`)

// named are the names of what differs.
func named(wanted, is map[string]string) (want, have []string) {
	shown := func(name string) string {
		if plainName.MatchString(name) {
			return name
		}
		return fmt.Sprintf("%.100q", name)
	}
	for key, value := range wanted {
		switch other, there := is[key]; {
		case !there:
			want = append(want, shown(key))
		case other != value:
			want, have = append(want, shown(key)), append(have, shown(key)+" with another value")
		}
	}
	for key := range is {
		if _, there := wanted[key]; !there {
			have = append(have, shown(key))
		}
	}
	return want, have
}
