package agent

import (
	"net"
	"os"
	"strconv"
	"strings"
)

// peerUID is the user at the other end of a Unix socket. The kernel wrote it down when the connection was made, so
// that no caller can claim to be another one.
func peerUID(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	uid, credErr := -1, error(nil)
	if err := raw.Control(func(fd uintptr) { uid, credErr = credUID(int(fd)) }); err != nil {
		return -1, err
	}
	return uid, credErr
}

// admits reports whether a user may talk to the agent at all: root, whom nothing keeps out anyway, the agent's own
// user, and the install's owner, who is also the API in its container. An owner below 0 is not recorded.
func admits(uid, own, owner int) bool {
	return uid == 0 || uid == own || owner >= 0 && uid == owner
}

const uidPrefix = "uid "

// peerConn is an admitted connection. Its remote address, which a Unix socket does not have, is the user, so that
// every request carries it as http.Request.RemoteAddr.
type peerConn struct {
	*net.UnixConn
	uid      int
	giveBack func() // its share of the connections
}

func (c peerConn) Close() error {
	defer c.giveBack()
	return c.UnixConn.Close()
}

func (c peerConn) RemoteAddr() net.Addr { return peerAddr(uidPrefix + strconv.Itoa(c.uid)) }

type peerAddr string

func (peerAddr) Network() string  { return "unix" }
func (a peerAddr) String() string { return string(a) }

// peerOf is who sent the request, from its remote address: "uid 1000", or "tcp", where the kernel names nobody.
func peerOf(remoteAddr string) string {
	if strings.HasPrefix(remoteAddr, uidPrefix) {
		return remoteAddr
	}
	return "tcp"
}

// peerListener takes connections of admitted users only, and no more of one than that user's share. Others are closed
// before a byte of them is read.
type peerListener struct {
	*net.UnixListener
	owner   int
	share   func(uid int) (giveBack func(), ok bool)
	refused func(uid int, err error)
}

func (l peerListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(conn)
		if err != nil || !admits(uid, os.Geteuid(), l.owner) {
			_ = conn.Close() // whatever comes of it, nothing is read
			l.refused(uid, err)
			continue
		}
		if giveBack, ok := l.share(uid); ok {
			return peerConn{conn, uid, giveBack}, nil
		}
		_ = conn.Close() // the same
	}
}
