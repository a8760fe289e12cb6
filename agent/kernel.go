package agent

import (
	"os"
	"strconv"
	"strings"
)

// memoryKB is the machine's memory in KiB, all of it and what programs could still get; 0 where /proc does not tell.
func memoryKB() (total, available int64) {
	text, _ := os.ReadFile("/proc/meminfo") // a kernel without it tells nothing
	return parseMemory(string(text))
}

func parseMemory(text string) (total, available int64) {
	kib := map[string]int64{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64); err == nil && n >= 0 {
			kib[key] = n
		}
	}
	return kib["MemTotal"], min(kib["MemAvailable"], kib["MemTotal"])
}

// cpuTicks is the time that all processors have worked since the machine started, and all their time, in units of the kernel's; 0
// where /proc does not tell.
func cpuTicks() (busy, all uint64) {
	text, _ := os.ReadFile("/proc/stat")
	return parseTicks(string(text))
}

// parseTicks reads the first line: user, nice, system, idle, iowait, irq, softirq, steal, and guests, whose time is in user
// and nice. See proc_stat(5).
func parseTicks(text string) (busy, all uint64) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[0] != "cpu" {
		return 0, 0
	}
	for i, field := range fields[1:min(len(fields), 9)] {
		n, err := strconv.ParseUint(field, 10, 60)
		if err != nil {
			return 0, 0
		}
		all += n
		if idle := i == 3 || i == 4; !idle {
			busy += n
		}
	}
	return busy, all
}
