package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dreamserver/catalog/doctor"
	"dreamserver/internal/printable"
)

// netSocket is a socket that waits for others, as /proc/net tells it.
type netSocket struct {
	protocol string
	port     int
	uid      int
	inode    string
}

// listeners are all of them; none where there is no /proc.
func listeners() []netSocket {
	found := []netSocket{}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open("/proc/net/" + table)
		if err != nil {
			continue
		}
		found = append(found, parseListeners(f, strings.TrimSuffix(table, "6"))...)
		_ = f.Close() // it was read
	}
	return found
}

// parseListeners reads a table of the kernel: see proc_net_tcp in the kernel's documentation. Ports are hexadecimal; the
// state of a listening TCP socket is 0A, that of an unconnected UDP socket 07.
func parseListeners(table io.Reader, protocol string) []netSocket {
	state := map[string]string{"tcp": "0A", "udp": "07"}[protocol]
	var found []netSocket
	for lines := bufio.NewScanner(table); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != state {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(f[7])
		if err != nil {
			uid = -1
		}
		found = append(found, netSocket{protocol, int(port), uid, f[9]})
	}
	return found
}

// holderOf is who listens on the port. Whose the program is everybody may see; which it is, its user and root.
func holderOf(all []netSocket, protocol string, port int) doctor.Holder {
	holder := doctor.Holder{UID: -1}
	for _, l := range all {
		if l.protocol != protocol || l.port != port {
			continue
		}
		holder.UID = l.uid
		if pid := socketOwner("/proc", l.inode); pid != 0 {
			return doctor.Holder{Program: programName(filepath.Join("/proc", strconv.Itoa(pid))), PID: pid, UID: l.uid}
		}
	}
	return holder
}

// socketOwner is the process that has the socket open; 0 when none shows.
func socketOwner(proc, inode string) int {
	descriptors, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return 0
	}
	for _, fd := range descriptors {
		if to, err := os.Readlink(fd); err == nil && to == "socket:["+inode+"]" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(fd))))
			if err == nil {
				return pid
			}
		}
	}
	return 0
}

// programName is what people call the process; empty when it has just ended. The kernel cuts a name after 15 bytes, and
// the command line, which has the rest, may say anything.
func programName(process string) string {
	comm, _ := os.ReadFile(filepath.Join(process, "comm"))
	name := strings.TrimSpace(string(comm))
	line, _ := os.ReadFile(filepath.Join(process, "cmdline"))
	first, _, _ := strings.Cut(string(line), "\x00")
	if whole := filepath.Base(first); name != "" && strings.HasPrefix(whole, name) && !strings.ContainsAny(whole, " \n") {
		return printable.Line(whole)
	}
	return printable.Line(name)
}
