package scaffold

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// volumes puts what the service keeps below ./data/<id>, and takes along the files that lie beside the compose file.
func (s *service) volumes(key string, n *yaml.Node) {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	for i, item := range items(n) {
		if v := s.volume(s.path(key, strconv.Itoa(i)), item); v != nil {
			out.Content = append(out.Content, v)
		}
	}
	if len(out.Content) > 0 {
		s.out[key] = out
	}
}

// mount is one volume as the compose file has it.
type mount struct {
	kind, source, target string
	readOnly             bool
}

func (s *service) volume(at string, n *yaml.Node) *yaml.Node {
	m := readMount(n)
	switch {
	case m.target == "" || !strings.HasPrefix(m.target, "/"):
		s.c.note(LeftOut, n, at, "is not understood", "write ./data/"+s.c.options.ID+"/NAME:/path/in/the/container")
		return nil
	case m.kind == "tmpfs":
		return n
	case m.kind != "" && m.kind != "bind" && m.kind != "volume":
		s.c.note(Refused, n, at, "a mount of type "+m.kind+" reaches outside the extension", "")
		return nil
	case strings.Contains(m.source, "docker.sock") || strings.Contains(m.source, "containerd.sock"):
		s.c.note(Refused, n, at, "whoever has Docker's socket owns the machine", "")
		return nil
	case m.source == "/etc/localtime" || m.source == "/etc/timezone":
		s.c.note(LeftOut, n, at, "belongs to the machine", "where the time zone matters, write TZ: ${TZ:-UTC} into environment")
		return nil
	case m.source == "":
		return words(m.target) // nobody names it, and it goes with its container
	}
	isName := m.kind == "volume" || m.kind == "" && !strings.ContainsAny(m.source, "/.~\\")
	source := m.source
	switch {
	case isName:
	case strings.HasPrefix(source, "/") || strings.HasPrefix(source, "~") || strings.Contains(source, `\`):
		s.c.note(Refused, n, at, source+" is a folder of the machine", "copy what the service needs to ./data/"+s.c.options.ID+", and mount that")
		return nil
	default:
		source = path.Clean(source)
		if source == ".." || strings.HasPrefix(source, "../") || source == "." {
			s.c.note(Refused, n, at, m.source+" is not a folder of the extension's own", "copy what the service needs to ./data/"+s.c.options.ID+", and mount that")
			return nil
		}
		if done, entry := s.ship(at, n, source, m); done {
			return entry
		}
	}
	if !isName {
		source = "./" + source
	}
	folder := s.c.folder(source)
	entry := folder + ":" + m.target
	if m.readOnly {
		entry += ":ro"
	}
	if m.readOnly && !isName {
		s.c.note(Todo, n, at, "is read from "+folder, "put there what "+source+" holds")
	} else {
		s.c.note(Changed, n, at, "is kept in "+folder, "")
	}
	return words(entry)
}

// ship mounts a file that lies beside the compose file and goes along with it.
func (s *service) ship(at string, n *yaml.Node, source string, m mount) (done bool, entry *yaml.Node) {
	if strings.HasPrefix(source, "data/") || path.Ext(source) == "" && !s.c.isFile(source) {
		return false, nil
	}
	name, err := s.c.takeAlong(source, "mounted at "+m.target)
	if err != nil {
		s.c.note(Todo, n, at, fmt.Sprintf("%s, so %s is not mounted", whyNot(source, err), m.target),
			fmt.Sprintf("put it into the folder and add to volumes: ./%s:%s:ro", name, m.target))
		return true, nil
	}
	s.c.note(Changed, n, at, source+" is copied into the extension's folder as "+name+", where every user of this machine can read it", "")
	if !m.readOnly {
		s.c.note(Changed, n, at, "is read-only: the extension's own files are", "")
	}
	return true, words("./" + name + ":" + m.target + ":ro")
}

// folder is where a volume of this name is kept, each in one of its own. No two lie one below the other, so none can be a
// link into another.
func (c *converter) folder(source string) string {
	word := strings.TrimPrefix(path.Clean(source), "data/")
	word = strings.Trim(notInNames.ReplaceAllString(strings.ToLower(word), "-"), "-_")
	word = cmp.Or(strings.TrimPrefix(word, c.options.ID+"-"), "data")
	name := word
	for i := 2; c.folders[name] != "" && c.folders[name] != source; i++ {
		name = fmt.Sprintf("%s-%d", word, i)
	}
	c.folders[name] = source
	return "./data/" + c.options.ID + "/" + name
}

// readMount reads the short form and the long form, with the defaults of the variables in them.
func readMount(n *yaml.Node) mount {
	if n.Kind == yaml.MappingNode {
		m := mount{kind: text(get(n, "type")), source: folderOf(text(get(n, "source"))), target: defaults(text(get(n, "target"))), readOnly: text(get(n, "read_only")) == "true"}
		if m.kind == "bind" && !strings.HasPrefix(m.source, "/") && !strings.HasPrefix(m.source, "~") && !strings.HasPrefix(m.source, ".") && m.source != "" {
			m.source = "./" + m.source
		}
		return m
	}
	parts := strings.Split(folderOf(text(n)), ":")
	switch len(parts) {
	case 1:
		return mount{target: parts[0]}
	case 2:
		return mount{source: parts[0], target: parts[1]}
	case 3:
		return mount{source: parts[0], target: parts[1], readOnly: slices.Contains(strings.Split(parts[2], ","), "ro")}
	}
	return mount{}
}
