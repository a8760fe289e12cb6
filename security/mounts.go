package security

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var mounts = []row{
	on("services.*.volumes.*", mount),
	allow("services.*.volumes.*.type"),
	allow("services.*.volumes.*.source"),
	on("services.*.volumes.*.target", kernelPath),
	allow("services.*.volumes.*.read_only"),
	allow("services.*.volumes.*.consistency"),
	allow("services.*.volumes.*.bind.create_host_path"),
	allow("services.*.volumes.*.bind.recursive"),
	allow("services.*.volumes.*.bind.selinux"),
	on("services.*.volumes.*.bind.propagation", propagation),
	allow("services.*.volumes.*.volume.nocopy"),
	on("services.*.volumes.*.volume.subpath", subpath),
	on("services.*.volumes.*.volume.labels.*", label),
	allow("services.*.volumes.*.tmpfs.size"),
	allow("services.*.volumes.*.tmpfs.mode"),
	refuse("services.*.volumes.*.image", "mount-type", "mounts of images reach outside the extension"),
	refuse("services.*.volumes_from", "volumes-from", "volumes_from takes another container's mounts"),
	refuse("services.*.volume_driver", "volume-driver", "volume_driver chooses who keeps the volumes"),
	on("services.*.tmpfs.*", tmpfs),
	on("services", nestedBinds),

	on("volumes.*", volume),
	allow("volumes.*.name"),
	allow("volumes.*.driver"),
	allow("volumes.*.external"),
	on("volumes.*.labels.*", label),
	refuse("volumes.*.driver_opts", "volume-driver", "driver_opts can bind-mount host path or network share"),
}

// mount allows named volumes, tmpfs, data below ./data/<id>, and read-only files of the unit's own folder.
func mount(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	switch kind := str(m["type"]); kind {
	case "volume":
		c.namedVolume(at, str(m["source"]))
		return
	case "tmpfs":
		return
	case "bind":
	default:
		c.find("mount-type", at, fmt.Sprintf("mounts of type %q reach outside the extension", kind), "use a bind below ./data or a volume")
		return
	}
	src := str(m["source"])
	if strings.Contains(src, "docker.sock") || strings.Contains(src, "containerd.sock") {
		c.find("docker-socket", at, "Docker socket mount: whoever has the socket owns the host", "remove it: no extension controls Docker")
		return
	}
	if why := c.hostPath(src, m["read_only"] == true); why != "" {
		c.find("mount-host-path", at, why, fmt.Sprintf("use ./data/%s/… for data, or ship the file and mount it read-only", c.Unit.ID))
	}
}

// namedVolume refuses a volume that the extension does not define: a path without "./" is taken for one.
func (c *scan) namedVolume(at path, name string) {
	defined, _ := c.model["volumes"].(map[string]any)
	if _, ok := defined[name]; name != "" && !ok {
		c.find("mount-volume", at, fmt.Sprintf("volume %q is not defined", strings.TrimPrefix(name, c.Unit.ID+".")), "define it under volumes; a folder begins with ./, as ./data/"+c.Unit.ID)
	}
}

func propagation(c *scan, at path, v any) {
	if p := str(v); p != "" && p != "private" && p != "rprivate" {
		c.find("mount-propagation", at, fmt.Sprintf("propagation %q lets mounts through between the container and the host", p), "remove propagation")
	}
}

func subpath(c *scan, at path, v any) {
	if sub := str(v); filepath.IsAbs(sub) || slices.Contains(strings.Split(sub, "/"), "..") {
		c.find("mount-subpath", at, fmt.Sprintf("subpath %q leaves the volume", sub), "write a path inside the volume")
	}
}

// hostPath says why the unit may not mount src; empty when it may. Placing has already made the allowed
// relative paths absolute, so whatever else is absolute was written so, or climbed out with `..`.
func (c *scan) hostPath(src string, readOnly bool) string {
	inside := func(dirs ...string) bool {
		return slices.ContainsFunc(dirs, func(dir string) bool { return dir != "" && under(src, dir) })
	}
	switch {
	case !filepath.IsAbs(src):
		return fmt.Sprintf("%q is an absolute host path in disguise", src)
	case inside(filepath.Join(c.DataDir, c.Unit.ID)):
		return ""
	case c.builtin() && inside(filepath.Join(c.InstallDir, "config", c.Unit.ID)):
		return ""
	case inside(c.OwnDir) && !readOnly:
		return "the extension's own files are read-only to it: add :ro"
	case inside(c.OwnDir):
		return c.shipped(src)
	case inside(c.DataDir):
		return fmt.Sprintf("bind-mount host path: %s belongs to others", relative(c.DataDir, src, "./data"))
	}
	return fmt.Sprintf("absolute host path %q lies outside the extension", src)
}

// shipped says why a path in the extension's folder leads to nothing; empty when it is a file or folder of it. Docker
// would make a folder of that name.
func (c *scan) shipped(src string) string {
	rel, err := filepath.Rel(c.OwnDir, src)
	if err != nil || c.Files == nil {
		return ""
	}
	info, err := fs.Lstat(c.Files, filepath.ToSlash(rel))
	switch {
	case err != nil:
		return fmt.Sprintf("the extension's folder has no %s, and every relative path but ./data/%s is one in it", rel, c.Unit.ID)
	case !info.IsDir() && !info.Mode().IsRegular():
		return fmt.Sprintf("%s is a symlink or special file", rel)
	}
	return ""
}

func under(p, dir string) bool {
	rel, err := filepath.Rel(dir, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func relative(base, p, as string) string {
	rel, err := filepath.Rel(base, p)
	if err != nil {
		return p
	}
	return strings.TrimSuffix(as+"/"+rel, "/.")
}

// bind is one host path that the unit's containers get, and may.
type bind struct {
	source   string
	below    string // how the paths below it begin
	writable bool
	at       path
}

// nestedBinds refuses a bind source below a folder that a container of the unit can write. A container could put a
// link in the inner one's place, exit, and be restarted by Docker itself, which then mounts the link's target:
// nobody looks in between.
func nestedBinds(c *scan, _ path, _ any) {
	binds := c.binds()
	for _, inner := range binds {
		for _, outer := range binds {
			if outer.writable && strings.HasPrefix(inner.source, outer.below) {
				c.find("mount-nested", inner.at, fmt.Sprintf("%s lies below %s, which %s can write: it could put a link to any host path in its place",
					c.shown(inner.source), c.shown(outer.source), outer.at.service()), "mount folders that lie side by side, none below another")
				break
			}
		}
	}
}

func bindOf(source string, writable bool, at path) bind {
	clean := filepath.Clean(source)
	return bind{source: clean, below: strings.TrimSuffix(clean, "/") + "/", writable: writable, at: at}
}

func (c *scan) binds() []bind {
	var all []bind
	services, _ := c.model["services"].(map[string]any)
	for _, name := range sortedKeys(services) {
		s, _ := services[name].(map[string]any)
		volumes, _ := s["volumes"].([]any)
		for i, v := range volumes {
			m, _ := v.(map[string]any)
			if str(m["type"]) == "bind" && c.hostPath(str(m["source"]), m["read_only"] == true) == "" {
				all = append(all, bindOf(str(m["source"]), m["read_only"] != true, path{"services", name, "volumes", strconv.Itoa(i)}))
			}
		}
	}
	for _, section := range []string{"configs", "secrets"} {
		files, _ := c.model[section].(map[string]any)
		for _, name := range sortedKeys(files) {
			m, _ := files[name].(map[string]any)
			if file := str(m["file"]); file != "" && c.hostPath(file, true) == "" {
				all = append(all, bindOf(file, false, path{section, name, "file"}))
			}
		}
	}
	return all
}

// shown is a host path as the fragment's author writes it.
func (c *scan) shown(p string) string {
	if under(p, c.DataDir) {
		return relative(c.DataDir, p, "./data")
	}
	return p
}

// tmpfsOption is what a tmpfs may say; suid, dev and whatever else the kernel takes are not among it.
var tmpfsOption = regexp.MustCompile(`\A(rw|ro|noexec|exec|nosuid|nodev|noatime|(size|nr_inodes)=[0-9]+[kKmMgG%]?[bB]?|mode=[0-7]{3,4}|[ug]id=[0-9]+)\z`)

// tmpfs refuses options that give a tmpfs more than an ordinary one.
func tmpfs(c *scan, at path, v any) {
	target, opts, found := strings.Cut(str(v), ":")
	kernelPath(c, at, target)
	if !found {
		return
	}
	var bad []string
	for opt := range strings.SplitSeq(opts, ",") {
		if !tmpfsOption.MatchString(opt) {
			bad = append(bad, strconv.Quote(opt))
		}
	}
	if len(bad) > 0 { // one finding, however many: a text has room for a hundred thousand
		c.find("tmpfs", at, fmt.Sprintf("tmpfs option %s is not among size, mode, uid, gid, ro, noexec, nosuid and nodev", strings.Join(bad, ", ")), "remove the option")
	}
}

// volume refuses named volumes that are not plain: another driver, or a name that may belong to others.
func volume(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if d := str(m["driver"]); d != "" && d != "local" {
		c.find("volume-driver", at, fmt.Sprintf("volume driver %q is not the local one", d), "remove driver")
	}
	if m["external"] == true || str(m["name"]) != "" {
		c.find("volume-name", at, "an external or named volume may belong to others", "remove external and name: the platform names the volume")
	}
}
