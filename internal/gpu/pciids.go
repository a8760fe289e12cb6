package gpu

import (
	"io/fs"
	"strings"
	"sync"
)

// names are names of PCI devices, as the distribution's list has them. It is read once for each device. The zero value
// is ready; it is safe for concurrent use.
type names struct{ known sync.Map }

// of names vendor:device, such as 1002:744c.
func (n *names) of(root fs.FS, id string) string {
	if name, ok := n.known.Load(id); ok {
		return name.(string)
	}
	vendor, device, _ := strings.Cut(id, ":")
	name := "GPU " + id
	for _, file := range []string{"usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"} {
		if found := pciName(read(root, file), vendor, device); found != "" {
			name = found
			break
		}
	}
	brand := map[string]string{"1002": "AMD", "8086": "Intel"}[vendor]
	name = clean(brand + " " + name)
	n.known.Store(id, name)
	return name
}

// pciName looks a device up in a pci.ids: vendors begin a line, their devices stand behind one tab. What people call
// a card is in brackets, where it has several names.
func pciName(list, vendor, device string) string {
	ours := false
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "\t") {
			if ours {
				return ""
			}
			ours = strings.HasPrefix(line, vendor+"  ")
			continue
		}
		if name, ok := strings.CutPrefix(line, "\t"+device+"  "); ok && ours {
			name = strings.TrimSpace(name)
			if _, inner, ok := strings.Cut(name, "["); ok {
				name = strings.TrimSuffix(inner, "]")
			}
			return name
		}
	}
	return ""
}
