package api

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is how long the machine runs, also when this program is in a container: its kernel is the machine's.
func uptime() (time.Duration, bool) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
