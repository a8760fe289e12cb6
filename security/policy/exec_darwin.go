package policy

import "syscall"

// processGroup gives the program a group of its own; here nothing ends it with this process.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
