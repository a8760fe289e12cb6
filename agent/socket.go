package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// socketDirMode lets the owner do everything and the group pass through to the socket; nobody else comes in.
const socketDirMode fs.FileMode = 0o710

// listenUnix opens the socket in its own directory, which the API's container mounts. Who may pass through the
// directory (group DREAM_GID) may connect, and is then asked who it is.
func (s *Server) listenUnix(ctx context.Context) (net.Listener, error) {
	file := s.opts.Settings.AgentSocket
	if err := s.secureSocketDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if err := removeStale(ctx, file); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", file)
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("listen: %w: the path is too long for a socket: set DREAM_AGENT_SOCKET to a shorter one", err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	err = os.Chmod(file, 0o660)
	if gid := s.opts.Settings.GID; err == nil && os.Geteuid() == 0 && gid >= 0 {
		err = os.Chown(file, -1, gid)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return peerListener{l.(*net.UnixListener), s.opts.Settings.UID, s.shareOf, s.refusedPeer}, nil
}

// shareOf takes one of the connections that a user may have. Root takes none.
func (s *Server) shareOf(uid int) (giveBack func(), ok bool) {
	if uid == 0 {
		return func() {}, true
	}
	giveBack, ok = s.conns.Take(strconv.Itoa(uid), s.limits.connsOfOne(), s.limits.SocketConns)
	if !ok {
		s.crowded(uid)
	}
	return giveBack, ok
}

// secureSocketDir makes the socket's directory one in which only the agent's user can put a socket: whoever could
// put another one there would be told the key by every client.
//
// A directory that is ours, made here or below the installation, gets its rights and group. One elsewhere may be
// shared with other programs, as /run is: it is left as it is, and refused where others can write to it.
func (s *Server) secureSocketDir(dir string) error {
	ours := strings.HasPrefix(dir, s.opts.Settings.InstallDir+string(filepath.Separator))
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		ours = true
		if err := os.MkdirAll(dir, socketDirMode); err != nil {
			return fmt.Errorf("socket directory: %w", err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("socket directory: %w", err)
	}
	const elsewhere = "set DREAM_AGENT_SOCKET to a path in a folder of its own"
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("socket directory: %s is no directory: %s", dir, elsewhere)
	case ok && !admits(int(st.Uid), os.Geteuid(), s.opts.Settings.UID):
		return fmt.Errorf("socket directory: %s belongs to uid %d, who could put another socket there: %s", dir, st.Uid, elsewhere)
	case !ours && info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("socket directory: others can write to %s (%v) and put another socket there: %s", dir, info.Mode(), elsewhere)
	case !ours:
		return nil
	}
	if wider := info.Mode().Perm() &^ socketDirMode; wider != 0 {
		s.log.Warn().Str("directory", dir).Stringer("was", info.Mode()).Msg("the socket's directory was open to others: it is closed")
	}
	err = os.Chmod(dir, socketDirMode)
	if gid := s.opts.Settings.GID; err == nil && os.Geteuid() == 0 && gid >= 0 {
		err = os.Chown(dir, -1, gid)
	}
	if err != nil {
		return fmt.Errorf("socket directory: %w", err)
	}
	return nil
}

// removeStale removes the socket that a killed agent left behind, and nothing else.
func removeStale(ctx context.Context, file string) error {
	info, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("socket: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("socket: %s is there and is no socket: set DREAM_AGENT_SOCKET to another path", file)
	}
	dialer := net.Dialer{Timeout: time.Second}
	if conn, err := dialer.DialContext(ctx, "unix", file); err == nil {
		conn.Close()
		return fmt.Errorf("another host agent listens at %s: stop it first", file)
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("stale socket: %w", err)
	}
	return nil
}
