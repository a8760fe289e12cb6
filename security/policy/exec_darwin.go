package policy

import (
	"syscall"
	"time"
)

// processGroup gives the program a group of its own; here nothing ends it with this process.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// changeTime is when the file, or what is known of it, was changed last.
func changeTime(st *syscall.Stat_t) time.Time { return time.Unix(st.Ctimespec.Unix()) }
