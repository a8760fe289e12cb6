package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"
)

// rollbackWait is how long work that was ended may take to roll back and answer, beyond compose's own ten seconds
// between asking a process to end and killing it.
const rollbackWait = 10*time.Second + 2*rollbackTime

// Run listens and serves until ctx ends. Then no new work is taken, running work may finish within the
// settings' StopTimeout, and what still runs is ended and rolled back. ready is called with the TCP address, which is
// empty when TCP is switched off.
func (s *Server) Run(ctx context.Context, ready func(addr string)) error {
	defer s.stopNow()
	unlock, err := s.lockState()
	if err != nil {
		return err
	}
	defer unlock()
	defer s.closeTrail()
	defer s.decisions.Close()
	defer s.gpus.Close()
	listeners, addr, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if err := s.sweepTrees(); err != nil {
		s.log.Warn().Err(err).Msg("old copies are not removed")
	}
	g, ctx := errgroup.WithContext(ctx)
	server := s.httpServer(ctx)
	for _, l := range listeners {
		g.Go(func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	s.recordLoad()
	g.Go(func() error { s.watchDrift(ctx); return nil })
	reconciled := make(chan struct{})
	g.Go(func() error {
		defer close(reconciled)
		s.reconcile(ctx)
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		s.notifyStopping()
		return s.shutdown(server, reconciled)
	})
	defer s.watch()() // while it stops, too: running work may take long
	s.notifyReady(addr)
	ready(addr)
	return g.Wait()
}

// listen opens the socket and, unless that is switched off, a port on 127.0.0.1, whose address it returns.
func (s *Server) listen(ctx context.Context) (listeners []net.Listener, addr string, err error) {
	unix, err := s.listenUnix(ctx)
	if err != nil {
		return nil, "", err
	}
	unix = bounded(unix, s.limits.SocketConns)
	if !s.opts.Settings.AgentTCP {
		return []net.Listener{unix}, "", nil
	}
	tcp, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.opts.Settings.AgentPort)))
	if err != nil {
		unix.Close()
		return nil, "", fmt.Errorf("listen: %w: is another host agent running? set DREAM_AGENT_PORT, or DREAM_AGENT_TCP=off", err)
	}
	return []net.Listener{unix, bounded(tcp, s.limits.TCPConns)}, tcp.Addr().String(), nil
}

func (s *Server) closeTrail() {
	if err := s.trail.close(); err != nil {
		s.log.Error().Err(err).Msg("the audit log cannot be closed")
	}
}

// shutdown takes no new work, lets running work finish, then ends it and waits until it is rolled back.
func (s *Server) shutdown(server *http.Server, reconciled <-chan struct{}) error {
	s.drain()
	if idle(server, reconciled, s.opts.Settings.StopTimeout) == nil {
		return nil
	}
	s.log.Warn().Dur("after", s.opts.Settings.StopTimeout).Msg("running work is ended and rolled back")
	s.stopNow()
	err := idle(server, reconciled, rollbackWait)
	return errors.Join(err, server.Close())
}

// idle waits until no request is left and nothing is reconciled.
func idle(server *http.Server, reconciled <-chan struct{}, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	select {
	case <-reconciled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("shut down: %w", ctx.Err())
	}
}

// lockState keeps a second agent away from the state directory. The kernel lets go of it when the process dies.
func (s *Server) lockState() (unlock func(), err error) {
	file := filepath.Join(s.opts.Settings.StateDir, ".lock")
	l := flock.New(file, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("another host agent has locked %s: stop it first", file)
	}
	return func() { l.Unlock() }, nil
}
