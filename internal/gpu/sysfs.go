package gpu

import (
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// card is a graphics device of the kernel's.
type card struct {
	root    fs.FS
	dir     string // sys/class/drm/cardN
	number  int
	driver  string
	pciID   string // vendor:device, in hexadecimal and lower case
	address string
	asleep  bool // to read its sensors would wake it
}

var cardName = regexp.MustCompile(`^card([0-9]{1,4})$`)

// cards are those that one of the drivers serves, in the kernel's order.
func cards(root fs.FS, drivers ...string) []card {
	const drm = "sys/class/drm"
	entries, _ := fs.ReadDir(root, drm) // without a folder there are none
	var found []card
	for _, e := range entries {
		m := cardName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		c := card{root: root, dir: path.Join(drm, e.Name())}
		c.number, _ = strconv.Atoi(m[1])
		for line := range strings.Lines(c.text("device/uevent")) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch key {
			case "DRIVER":
				c.driver = value
			case "PCI_ID":
				c.pciID = strings.ToLower(value)
			case "PCI_SLOT_NAME":
				c.address = pciAddress(value)
			}
		}
		c.asleep = c.text("device/power/runtime_status") == "suspended"
		if slices.Contains(drivers, c.driver) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b card) int { return cmp.Compare(a.number, b.number) })
	return found
}

// device is what every driver tells of a card.
func (c card) device(v Vendor, names *names) Device {
	d := Device{Vendor: v, Name: clean(c.text("device/product_name")), Address: c.address, Driver: c.driver, MemoryType: Discrete}
	if d.Name == "" {
		d.Name = names.of(c.root, c.pciID)
	}
	for _, file := range []string{"sys/module/" + c.driver + "/version", "proc/sys/kernel/osrelease"} {
		if d.DriverVersion == "" {
			d.DriverVersion = clean(read(c.root, file)) // a driver of the kernel's own has the kernel's
		}
	}
	return d
}

// sensor is the first of the files below hwmon that has a number.
func (c card) sensor(files ...string) *float64 {
	monitors, err := fs.Glob(c.root, c.dir+"/device/hwmon/hwmon*")
	if err != nil || c.asleep {
		return nil
	}
	for _, dir := range monitors {
		for _, file := range files {
			text := strings.TrimSpace(read(c.root, path.Join(dir, file)))
			if v, err := strconv.ParseInt(text, 10, 64); err == nil {
				return new(float64(v))
			}
		}
	}
	return nil
}

// scaled is a sensor's value in units of the second.
func scaled(v *float64, by float64) *float64 {
	if v == nil {
		return nil
	}
	return new(*v / by)
}

// size is a file that holds a number of bytes.
func (c card) size(file string) *uint64 {
	v, err := strconv.ParseUint(c.text(file), 10, 60)
	if err != nil {
		return nil
	}
	return &v
}

func (c card) text(file string) string {
	return strings.TrimSpace(read(c.root, path.Join(c.dir, file)))
}

// read is a file's text, and nothing when it cannot be read: a file that a driver lacks is a fact that is not known.
func read(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return string(data)
}
