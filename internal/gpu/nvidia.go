package gpu

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// smiLog is what we read of `nvidia-smi -q -x`. The document's type changed from v10 to v13 and will change again: what
// is not there stays empty.
type smiLog struct {
	Driver   string   `xml:"driver_version"`
	Attached string   `xml:"attached_gpus"`
	GPUs     []smiGPU `xml:"gpu"`
}

type smiGPU struct {
	Bus    string    `xml:"id,attr"`
	Name   string    `xml:"product_name"`
	UUID   string    `xml:"uuid"`
	Memory smiMemory `xml:"fb_memory_usage"`
	Use    string    `xml:"utilization>gpu_util"`
	Temp   string    `xml:"temperature>gpu_temp"`
	// Drivers before 530 have the first name for the power's element, later ones the second. From 570 on they tell
	// the mean of the last second and the present value apart.
	Power     smiPower     `xml:"power_readings"`
	GPUPower  smiPower     `xml:"gpu_power_readings"`
	MIGMode   string       `xml:"mig_mode>current_mig"`
	Instances []smiMIG     `xml:"mig_devices>mig_device"`
	Processes []smiProcess `xml:"processes>process_info"`
}

type smiMemory struct {
	Total string `xml:"total"`
	Used  string `xml:"used"`
}

type smiPower struct {
	Draw    string `xml:"power_draw"`
	Average string `xml:"average_power_draw"`
	Instant string `xml:"instant_power_draw"`
}

type smiMIG struct {
	Index    string    `xml:"index"`
	Instance string    `xml:"gpu_instance_id"`
	Memory   smiMemory `xml:"fb_memory_usage"`
}

type smiProcess struct {
	PID      string `xml:"pid"`
	Memory   string `xml:"used_memory"`
	Instance string `xml:"gpu_instance_id"`
}

// maxProcesses bounds what is told of one GPU.
const maxProcesses = 1024

// ParseNVIDIA reads what `nvidia-smi -q -x` prints. The error is one line. Devices may come with an error: then it is
// about those that are missing.
func ParseNVIDIA(out []byte) (devices []Device, driver string, err error) {
	start := bytes.Index(out, []byte("<nvidia_smi_log"))
	if start < 0 {
		return nil, "", complaint(out)
	}
	// A warning may stand before and after the document. A process may call itself anything.
	d := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(string(out[start:]), "?")))
	d.Strict = false
	var log smiLog
	if err := d.Decode(&log); err != nil {
		return nil, "", fmt.Errorf("its report cannot be read: %s", clean(err.Error()))
	}
	driver = clean(log.Driver)
	for _, g := range log.GPUs {
		devices = append(devices, g.device(driver))
	}
	if n, err := strconv.Atoi(strings.TrimSpace(log.Attached)); err == nil && n != len(devices) {
		return devices, driver, fmt.Errorf("it knows of %d GPUs and reports on %d: one may have failed, see dmesg", n, len(devices))
	}
	return devices, driver, nil
}

// complaint is what the tool says instead of a report.
func complaint(out []byte) error {
	for line := range bytes.Lines(out) {
		if text := clean(string(line)); text != "" {
			return errors.New(text)
		}
	}
	return errors.New("it prints nothing")
}

func (g smiGPU) device(driver string) Device {
	d := Device{
		Vendor: NVIDIA, Name: clean(g.Name), UUID: identifier(g.UUID), Address: pciAddress(g.Bus), Driver: "nvidia", DriverVersion: driver,
		MemoryType: Discrete, MemoryTotal: size(g.Memory.Total), MemoryUsed: size(g.Memory.Used),
		Utilization: percent(g.Use), Temperature: celsius(g.Temp),
	}
	if unsupported(g.Memory.Total) && unsupported(g.Memory.Used) {
		d.MemoryType = Unified // GB10, Jetson: there is no memory of its own to tell of
	}
	for _, text := range []string{g.GPUPower.Draw, g.GPUPower.Average, g.GPUPower.Instant, g.Power.Draw} {
		if d.Power = watts(text); d.Power != nil {
			break
		}
	}
	for i, m := range g.Instances {
		if n := number(m.Index); n != nil {
			i = *n
		}
		d.Instances = append(d.Instances, Instance{
			Index: i, ID: number(m.Instance), MemoryTotal: size(m.Memory.Total), MemoryUsed: size(m.Memory.Used),
		})
	}
	for _, p := range g.Processes[:min(len(g.Processes), maxProcesses)] {
		if pid := number(p.PID); pid != nil && *pid > 0 {
			d.Processes = append(d.Processes, Process{PID: *pid, Memory: size(p.Memory), Instance: number(p.Instance)})
		}
	}
	return d
}

// listed is one line about a part in what `nvidia-smi -L` prints. Only there are its profile and UUID.
var listed = regexp.MustCompile(`^\s+MIG\s+(\S+)\s+Device\s+(\d+):\s+\(UUID:\s+(MIG-[^)\s]+)\)`)

// NameInstances adds to the parts what `nvidia-smi -L` prints of them.
func NameInstances(devices []Device, list []byte) {
	var on []Instance
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "GPU ") {
			on = nil
			for _, d := range devices {
				if d.UUID != "" && strings.Contains(line, "(UUID: "+d.UUID+")") {
					on = d.Instances
				}
			}
			continue
		}
		m := listed.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for i := range on {
			if strconv.Itoa(on[i].Index) == m[2] {
				on[i].Profile, on[i].UUID = clean(m[1]), identifier(m[3])
			}
		}
	}
}

// unsupported reports whether the driver says that there is no such value, as opposed to one that it could not read.
func unsupported(text string) bool {
	switch strings.Trim(strings.TrimSpace(text), "[]") {
	case "N/A", "Not Supported":
		return true
	}
	return false
}

var units = map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// size is a size such as "81920 MiB" in bytes.
func size(text string) *uint64 {
	v, unit, ok := quantity(text)
	bytes := v * units[unit]
	if !ok || units[unit] == 0 || v < 0 || bytes >= 1<<60 {
		return nil
	}
	return new(uint64(bytes))
}

func percent(text string) *float64 {
	v, unit, ok := quantity(text)
	if !ok || unit != "%" || v < 0 || v > 100 {
		return nil
	}
	return &v
}

func celsius(text string) *float64 {
	v, unit, ok := quantity(text)
	if !ok || unit != "C" || v < -273 || v > 1000 {
		return nil
	}
	return &v
}

func watts(text string) *float64 {
	v, unit, ok := quantity(text)
	if !ok || unit != "W" || v < 0 || v > 1e6 {
		return nil
	}
	return &v
}

// quantity is a number and its unit. "N/A", "[Not Supported]", "ERR!", "Unknown Error" and whatever comes next are none.
func quantity(text string) (v float64, unit string, ok bool) {
	f := strings.Fields(text)
	if len(f) != 2 || !digits.MatchString(f[0]) {
		return 0, "", false
	}
	v, err := strconv.ParseFloat(f[0], 64)
	return v, f[1], err == nil
}

var digits = regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,9})?$`)

// number is a whole number of at most nine digits.
func number(text string) *int {
	text = strings.TrimSpace(text)
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || len(text) > 9 {
		return nil
	}
	return &n
}

// maxText bounds a name or a line that somebody else wrote, in bytes.
const maxText = 256

// clean is text of somebody else's in one line that a terminal can show.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text[:min(len(text), 4*maxText)], ""))
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

var identifiers = regexp.MustCompile(`^[A-Za-z0-9/._-]{1,128}$`)

func identifier(text string) string {
	if text = strings.TrimSpace(text); identifiers.MatchString(text) && !unsupported(text) {
		return text
	}
	return ""
}

var addresses = regexp.MustCompile(`^(?:[0-9A-Fa-f]{4})?([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])$`)

// pciAddress is the kernel's way to write an address: nvidia-smi writes the domain with eight digits.
func pciAddress(text string) string {
	if m := addresses.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}
