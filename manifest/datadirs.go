package manifest

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// DataDir is a folder of data/<id> that has an owner and a mode before the containers start.
type DataDir struct {
	Path string      `yaml:"path" json:"path"` // below data/<id>; "." is that folder itself
	UID  int         `yaml:"uid" json:"uid"`   // -1 when the manifest leaves it to the service
	GID  int         `yaml:"gid" json:"gid"`   // the same
	Mode fs.FileMode `yaml:"mode" json:"mode"` // 0 when the manifest leaves it at 0755
}

const maxOwner = 1<<31 - 1

func (p *parser) dataDirs(dst *[]DataDir) field {
	return func(at string, n *yaml.Node) {
		p.each(at, n, func(at string, n *yaml.Node) {
			d := DataDir{UID: -1, GID: -1}
			given := p.mapping(at, n, fields{
				"path": p.text(&d.Path, isFolder),
				"uid":  p.whole(&d.UID, maxOwner, "write a user's number"),
				"gid":  p.whole(&d.GID, maxOwner, "write a group's number"),
				"mode": p.mode(&d.Mode),
			})
			if given != nil && !given["path"] {
				p.fail(n.Line, join(at, "path"), "is missing: write a folder below ./data/<id>, or \".\"")
			}
			d.Path = path.Clean(d.Path)
			*dst = append(*dst, d)
		})
	}
}

// isFolder keeps the folder below data/<id>.
func isFolder(s string) string {
	if s == "" || !fs.ValidPath(path.Clean(s)) || strings.Contains(s, `\`) {
		return quote(s) + ` is not a folder below ./data/<id>: write a relative path such as uploads, or "."`
	}
	return ""
}

// mode reads permissions. They are octal, in quotes: without, YAML's readers disagree about 0755.
func (p *parser) mode(dst *fs.FileMode) field {
	return func(at string, n *yaml.Node) {
		bits, err := strconv.ParseUint(n.Value, 8, 32)
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || err != nil || bits == 0 || bits > 0o777 {
			p.fail(n.Line, at, "is %s, not a mode: write octal digits in quotes, such as \"0750\"", describe(n))
			return
		}
		*dst = fs.FileMode(bits)
	}
}
