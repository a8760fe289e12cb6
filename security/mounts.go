package security

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// mount allows named volumes, tmpfs, data below ./data/<id>, and read-only files of the unit's own folder.
func mount(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	switch kind := str(m["type"]); kind {
	case "volume":
		volumeMount(c, at, m)
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
	if bind, ok := m["bind"].(map[string]any); ok && strings.Contains(str(bind["propagation"]), "shared") {
		c.find("mount-propagation", at, "shared propagation lets mounts out of the container", "remove propagation")
	}
}

// volumeMount refuses what a volume mount can still do to others: reach below the volume's root.
func volumeMount(c *scan, at path, m map[string]any) {
	opts, _ := m["volume"].(map[string]any)
	if sub := str(opts["subpath"]); strings.Contains(sub, "..") {
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
	case inside(c.OwnDir):
		if readOnly {
			return ""
		}
		return "the extension's own files are read-only to it: add :ro"
	case inside(c.DataDir):
		return fmt.Sprintf("bind-mount host path: %s belongs to others", relative(c.DataDir, src, "./data"))
	}
	return fmt.Sprintf("absolute host path %q lies outside the extension", src)
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

// tmpfs refuses options that give a tmpfs more than an ordinary one.
func tmpfs(c *scan, at path, v any) {
	_, opts, _ := strings.Cut(str(v), ":")
	for opt := range strings.SplitSeq(opts, ",") {
		if opt == "suid" || opt == "dev" {
			c.find("tmpfs", at, fmt.Sprintf("tmpfs option %q allows device or set-uid files", opt), "remove the option")
		}
	}
}

// volume refuses named volumes that are not plain: a driver or its options can bind any host path.
func volume(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if m["driver_opts"] != nil {
		c.find("volume-driver", at, "driver_opts can bind-mount host path or network share", "remove driver_opts: the volume is kept by Docker")
	}
	if d := str(m["driver"]); d != "" && d != "local" {
		c.find("volume-driver", at, fmt.Sprintf("volume driver %q is not the local one", d), "remove driver")
	}
	if m["external"] == true || m["name"] != nil && str(m["name"]) != "" {
		c.find("volume-name", at, "an external or named volume may belong to others", "remove external and name: the platform names the volume")
	}
}

// hostFile allows configs and secrets from files of the unit's own folder or with inline content.
func hostFile(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if file := str(m["file"]); file != "" {
		if why := c.hostPath(file, true); why != "" {
			c.find("host-file", at, why, "ship the file in the extension's folder")
		}
	}
	if m["external"] == true || str(m["name"]) != "" {
		c.find("host-file", at, "an external config or secret may belong to others", "ship the file in the extension's folder")
	}
	if env := str(m["environment"]); env != "" {
		c.find("host-file", at, fmt.Sprintf("reads %s from the host's environment", env), "declare the variable in env_vars and pass it in environment")
	}
}
