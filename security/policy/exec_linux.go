package policy

import (
	"syscall"
	"time"
)

// processGroup has the program end with this process, too.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// changeTime is when the file, or what is known of it, was changed last.
func changeTime(st *syscall.Stat_t) time.Time { return time.Unix(st.Ctim.Unix()) }
