// Package sockets says which programs of this machine listen, and on which ports.
package sockets

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dreamserver/internal/printable"
)

// Socket is a socket that waits for others, as /proc/net tells it.
type Socket struct {
	Protocol string // tcp or udp
	Port     int
	UID      int // whose it is; -1 when unknown
	// Near reports whether whoever publishes the port on 127.0.0.1 would collide with it: it is bound there, or to every
	// address.
	Near bool

	inode string
}

// Holder is the program that listens on a port, as far as it can be seen.
type Holder struct {
	Program string // empty when it may not be seen
	PID     int
	UID     int // whose it is; -1 when unknown
}

// Listening is all that listens now; nothing where there is no /proc.
func Listening() *Table {
	found := &Table{proc: "/proc"}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		f, err := os.Open("/proc/net/" + table)
		if err != nil {
			continue
		}
		found.Known = found.Known || table == "tcp"
		found.Sockets = append(found.Sockets, parse(f, strings.TrimSuffix(table, "6"))...)
		_ = f.Close() // it was read
	}
	return found
}

// parse reads a table of the kernel: see proc_net_tcp in the kernel's documentation. Addresses and ports are hexadecimal;
// the state of a listening TCP socket is 0A, that of an unconnected UDP socket 07.
func parse(table io.Reader, protocol string) []Socket {
	state := map[string]string{"tcp": "0A", "udp": "07"}[protocol]
	var found []Socket
	for lines := bufio.NewScanner(table); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != state {
			continue
		}
		address, hex, _ := strings.Cut(f[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(f[7])
		if err != nil {
			uid = -1
		}
		found = append(found, Socket{Protocol: protocol, Port: int(port), UID: uid, Near: near(address), inode: f[9]})
	}
	return found
}

// near reports whether an address is 127.0.0.1 or every one. The kernel writes words of four bytes in the order of the
// machine, and every machine that we run on has the lowest byte first. What listens on every address of IPv6 mostly does
// on those of IPv4, too.
func near(address string) bool {
	const mapped = "0000000000000000FFFF0000" // IPv4 in IPv6
	address = strings.TrimPrefix(address, mapped)
	return strings.Trim(address, "0") == "" || address == "0100007F"
}

// Table is what listened at one moment. It is not safe for concurrent use.
type Table struct {
	Sockets []Socket
	// Known reports whether the kernel was asked: without /proc nothing is known of any port of TCP.
	Known  bool
	proc   string
	owners map[string]int // process of each inode; nil until it is asked for
}

// Holder is who listens on the port. Whose the program is everybody may see; which it is, its user and root.
func (t *Table) Holder(protocol string, port int) Holder {
	holder := Holder{UID: -1}
	for _, l := range t.Sockets {
		if l.Protocol != protocol || l.Port != port {
			continue
		}
		holder.UID = l.UID
		if t.owners == nil {
			t.owners = owners(t.proc)
		}
		if pid := t.owners[l.inode]; pid != 0 {
			return Holder{Program: programName(filepath.Join(t.proc, strconv.Itoa(pid))), PID: pid, UID: l.UID}
		}
	}
	return holder
}

// Near reports whether something listens where the port of 127.0.0.1 would be published.
func (t *Table) Near(protocol string, port int) bool {
	return slices.ContainsFunc(t.Sockets, func(l Socket) bool { return l.Near && l.Protocol == protocol && l.Port == port })
}

// owners are the processes that have sockets open, by the sockets' inodes, as far as they show.
func owners(proc string) map[string]int {
	found := map[string]int{}
	descriptors, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return found
	}
	for _, fd := range descriptors {
		to, err := os.Readlink(fd)
		inode, isSocket := strings.CutPrefix(to, "socket:[")
		if err != nil || !isSocket {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(fd)))); err == nil {
			found[strings.TrimSuffix(inode, "]")] = pid
		}
	}
	return found
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
