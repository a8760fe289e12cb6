package drift

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dreamserver/compose"
)

// difference is one thing that is not as it should be.
type difference struct{ what, want, have string }

// facets are the things that are compared, each as a list of words: what is wanted, what there is. The words are made so
// that what means the same is the same.
var facets = []struct {
	what  string
	words func(p pair) (want, have []string)
}{
	{"privileged", func(p pair) ([]string, []string) { return flag(p.want.Privileged), flag(p.have.Privileged) }},
	{"capabilities", capabilities},
	{"security options", securityOptions},
	{"mounts", mountWords},
	{"ports", ports},
	{"network mode", networkMode},
	{"pid mode", func(p pair) ([]string, []string) { return p.namespaces(p.want.PIDMode, p.have.PIDMode) }},
	{"ipc mode", ipcMode},
	{"uts mode", func(p pair) ([]string, []string) { return p.namespaces(p.want.UTSMode, p.have.UTSMode) }},
	{"user namespace", func(p pair) ([]string, []string) { return p.namespaces(p.want.UsernsMode, p.have.UsernsMode) }},
	{"devices", func(p pair) ([]string, []string) {
		return slices.Concat(p.want.Devices, p.want.DeviceRules), slices.Concat(p.have.Devices, p.have.DeviceRules)
	}},
	{"GPUs", func(p pair) ([]string, []string) { return requests(p.want.Requests), requests(p.have.Requests) }},
	{"user", func(p pair) ([]string, []string) {
		return words(cmp.Or(p.want.User, p.have.ImageUser)), words(p.have.User)
	}},
	{"groups", func(p pair) ([]string, []string) { return p.want.Groups, p.have.Groups }},
	{"read-only root", func(p pair) ([]string, []string) { return flag(p.want.ReadOnly), flag(p.have.ReadOnly) }},
	{"image", image},
	{"networks", func(p pair) ([]string, []string) { return p.want.Networks, joined(p.have) }},
	{"command", command},
	{"entrypoint", entrypoint},
	{"environment", environment},
	{"labels", labels},
}

// What lists the names of all that is compared.
func What() []string {
	var out []string
	for _, f := range facets {
		out = append(out, f.what)
	}
	return append(out, Unknown, Outside, Oneoff, Files)
}

// pair is a service and its container.
type pair struct {
	want, have compose.Inspected
	project    string
	all        []compose.Inspected // of which one may lend a namespace
	imageOf    func(ref string) string
	ours       bool // the agent has made this very container
}

// differences compares the container with what was approved.
func (w world) differences(a *Approved, service string, c compose.Inspected) (out []difference) {
	p := pair{want: wanted(w.project, a.Project, service), have: c, project: w.project, all: w.all, imageOf: w.imageOf, ours: w.made.has(c)}
	for _, f := range facets {
		want, have := f.words(p)
		more, less := without(have, want), without(want, have)
		if len(more) == 0 && len(less) == 0 {
			continue
		}
		out = append(out, difference{f.what, list(less), list(more)})
	}
	return out
}

// without are the words of a that b lacks, sorted, each once.
func without(a, b []string) []string {
	var out []string
	for _, w := range a {
		if !slices.Contains(b, w) {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func flag(on bool) []string {
	if on {
		return []string{"on"}
	}
	return []string{"off"}
}

func words(w string) []string {
	if w == "" {
		return nil
	}
	return []string{w}
}

func capabilities(p pair) (want, have []string) {
	all := func(c compose.Inspected) (out []string) {
		for sign, list := range map[string][]string{"+": c.CapAdd, "-": c.CapDrop} {
			for _, name := range list {
				out = append(out, sign+strings.TrimPrefix(strings.ToUpper(name), "CAP_"))
			}
		}
		return out
	}
	return all(p.want), all(p.have)
}

func securityOptions(p pair) (want, have []string) {
	return options(p.want.SecurityOpt), slices.DeleteFunc(options(p.have.SecurityOpt), func(o string) bool {
		// the engine adds it by itself where labels would be in the way
		return o == "label=disable" && (p.want.Privileged || p.want.PIDMode != "" || p.want.IPCMode != "")
	})
}

// options have = between key and value, and no profile: docker compose gives the engine what is in the file.
func options(list []string) (out []string) {
	for _, o := range list {
		key, value, has := strings.Cut(o, "=")
		if !has {
			key, value, has = strings.Cut(o, ":")
		}
		switch {
		case !has && key == "no-new-privileges":
			value = "true"
		case key == "seccomp" && value != "unconfined" && value != "builtin":
			value = "a profile"
		}
		out = append(out, key+"="+value)
	}
	return out
}

// nameless is the name that the engine gives a volume without one.
var nameless = regexp.MustCompile(`^[0-9a-f]{64}$`)

func mountWords(p pair) (want, have []string) {
	word := func(m compose.Mounted) string {
		mode := "rw"
		if m.ReadOnly {
			mode = "ro"
		}
		if m.Type == "tmpfs" { // it holds nothing of the host
			return "tmpfs " + path.Clean(m.Target)
		}
		source := m.Source
		if m.Type == "bind" {
			source = path.Clean(source)
		}
		return strings.TrimSpace(fmt.Sprintf("%s %s:%s:%s", m.Type, source, path.Clean(m.Target), mode))
	}
	targets := map[string]bool{}
	for _, m := range p.want.Mounts {
		targets[path.Clean(m.Target)] = true
		want = append(want, word(m))
	}
	for _, m := range p.have.Mounts {
		if m.Type == "volume" && nameless.MatchString(m.Source) {
			if slices.Contains(p.have.ImageVolumes, m.Target) && !targets[path.Clean(m.Target)] {
				continue // the image asks for it
			}
			m.Source = ""
		}
		have = append(have, word(m))
	}
	return want, have
}

func ports(p pair) (want, have []string) {
	out := func(c compose.Inspected) (out []string) {
		for _, port := range c.Ports {
			out = append(out, strings.Replace(port, ":0:", "::", 1)) // both mean any
		}
		if c.AllPorts {
			out = append(out, "all of the image's")
		}
		return out
	}
	return out(p.want), out(p.have)
}

// namespaces are the words for whose namespace it has. The engine knows a container where compose knows its service.
func (p pair) namespaces(want, have string) ([]string, []string) {
	if id, ok := strings.CutPrefix(have, "container:"); ok {
		for _, c := range p.all {
			if (c.ID == id || c.Name == id) && c.Project == p.project {
				have = "service:" + c.Service
				if want == "container:"+c.Name || want == "container:"+c.ID {
					have = want
				}
			}
		}
	}
	return words(want), words(have)
}

func networkMode(p pair) (want, have []string) {
	if p.want.NetworkMode == "" && slices.Contains(p.want.Networks, p.have.NetworkMode) {
		return nil, nil
	}
	return p.namespaces(p.want.NetworkMode, p.have.NetworkMode)
}

func ipcMode(p pair) (want, have []string) {
	if p.want.IPCMode == "" && slices.Contains([]string{"", "private", "shareable"}, p.have.IPCMode) {
		return nil, nil // what the engine takes by itself
	}
	return p.namespaces(p.want.IPCMode, p.have.IPCMode)
}

func requests(list []compose.DeviceRequested) (out []string) {
	for _, r := range list {
		caps, ids := slices.Clone(r.Capabilities), slices.Clone(r.IDs)
		slices.Sort(caps)
		slices.Sort(ids)
		var parts []string
		add := func(key, value string) {
			if value != "" {
				parts = append(parts, key+"="+value)
			}
		}
		add("driver", r.Driver)
		if r.Count != 0 {
			add("count", count(r.Count))
		}
		add("ids", strings.Join(ids, "+"))
		add("capabilities", strings.Join(slices.Compact(caps), "+"))
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

// image compares the name, and of a container that the agent has not made itself also what the name means now. One that it
// has made may be older than what was pulled since.
func image(p pair) (want, have []string) {
	if p.want.Image != p.have.Image {
		return words(p.want.Image), words(p.have.Image)
	}
	if p.ours {
		return nil, nil
	}
	if id := p.imageOf(p.want.Image); id != "" && id != p.have.ImageID {
		return words(id), words(p.have.ImageID)
	}
	return nil, nil
}

// joined are the networks that it is in; the engine counts host and none among them.
func joined(c compose.Inspected) []string {
	if c.NetworkMode == "host" || c.NetworkMode == "none" {
		return slices.DeleteFunc(slices.Clone(c.Networks), func(n string) bool { return n == c.NetworkMode })
	}
	return c.Networks
}
