package kit

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const canFind = true

// settle is how long a process that was killed may take to go.
const settle = 5 * time.Second

// marked are the processes with mark in their environment, which they got from whoever started them: number and command.
// Those that are on their way out are waited for.
func marked(mark string) map[int]string {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		left := map[int]string{}
		dying := false
		all, _ := filepath.Glob("/proc/[0-9]*") // its pattern is well formed
		for _, dir := range all {
			environ, err := os.ReadFile(dir + "/environ")
			if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+mark+"\x00")) {
				continue
			}
			stat, err := os.ReadFile(dir + "/stat")
			if err != nil || strings.Contains(string(stat), ") Z ") {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil {
				continue
			}
			status, _ := os.ReadFile(dir + "/status")
			dying = dying || killed(string(status))
			name, _ := os.ReadFile(dir + "/cmdline")
			left[pid] = strings.TrimSpace(strings.ReplaceAll(string(name), "\x00", " "))
		}
		if !dying || time.Since(began) > settle {
			return left
		}
	}
}

// killed reports whether SIGKILL has been sent to the process already.
func killed(status string) bool {
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		if key == "SigPnd" || key == "ShdPnd" {
			if set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); err == nil && set&(1<<(uint(syscall.SIGKILL)-1)) != 0 {
				return true
			}
		}
	}
	return false
}

// kill ends processes that were found by their mark.
func kill(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
	}
}
