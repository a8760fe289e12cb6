package agent

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits bound what one client can hold of the agent. Zero means the default.
type Limits struct {
	SocketConns int           // connections at a time on the socket, 64; a user who is not root may have three quarters of them
	TCPConns    int           // and over TCP, where anybody on the machine may connect, 32
	Header      time.Duration // for the whole of a request's header, 5 s
	Body        time.Duration // for the whole of its body, 10 s
	Write       time.Duration // for a client to take each piece of a reply, 10 s; the reply as a whole may take as long as the work
	Idle        time.Duration // between two requests, 2 min; longer than our clients keep a connection
	Streams     int           // of events at a time, 16
	PeerStreams int           // and of those for one user, or for all who come over TCP, 8
}

func (l Limits) withDefaults() Limits {
	return Limits{
		SocketConns: cmp.Or(l.SocketConns, 64), TCPConns: cmp.Or(l.TCPConns, 32),
		Header: cmp.Or(l.Header, 5*time.Second), Body: cmp.Or(l.Body, 10*time.Second),
		Write: cmp.Or(l.Write, 10*time.Second), Idle: cmp.Or(l.Idle, 2*time.Minute),
		Streams: cmp.Or(l.Streams, 16), PeerStreams: cmp.Or(l.PeerStreams, 8),
	}
}

// connsOfOne is how many of the socket's connections one user may have who is not root. The rest is root's, and the
// agent's own user's, so that the stack can be turned off whatever the API's container holds.
func (l Limits) connsOfOne() int { return max(1, l.SocketConns*3/4) }

// httpServer serves with the limits. There is no limit for a reply as a whole: a change may take ten minutes, and
// a stream of events lasts as long as its client.
func (s *Server) httpServer(ctx context.Context) *http.Server {
	return &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: s.limits.Header, IdleTimeout: s.limits.Idle, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
}

// limited bounds a request's body and how slowly it may come, and how slowly a reply may be taken.
func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := http.NewResponseController(w) // not every connection has deadlines: errors are no news here
		_ = conn.SetWriteDeadline(time.Time{})
		// It stays until the body is there: net/http reads to the end what a handler has left.
		_ = conn.SetReadDeadline(time.Now().Add(s.limits.Body))
		most := int64(maxBody)
		if r.Method == http.MethodPut || r.URL.Path == planPath {
			most = maxConfigBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(&pacedWriter{ResponseWriter: w, conn: conn, limit: s.limits.Write}, r)
	})
}

// unhurried takes the limit off a request whose body is there. Without this its context would end in the middle of
// the work.
func unhurried(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every connection has deadlines
}

// pacedWriter gives the client a new deadline for each piece of the reply. One that does not read is dropped, and
// the work goes on without it.
type pacedWriter struct {
	http.ResponseWriter
	conn  *http.ResponseController
	limit time.Duration
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.limit)) // not every connection has deadlines
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// boundedListener accepts no more than a number of connections at a time; the kernel lets a few more wait. It is
// netutil.LimitListener but for CloseWrite, without which a client that sends too much would not get to read why
// it is refused.
type boundedListener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	close  func() error
}

func bounded(l net.Listener, limit int) net.Listener {
	b := &boundedListener{Listener: l, slots: make(chan struct{}, limit), closed: make(chan struct{})}
	b.close = sync.OnceValue(func() error {
		close(b.closed)
		return l.Close()
	})
	return b
}

func (b *boundedListener) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	release := sync.OnceFunc(func() { <-b.slots })
	conn, err := b.Listener.Accept()
	if err != nil {
		release()
		return nil, err
	}
	return &boundedConn{Conn: conn, release: release}, nil
}

func (b *boundedListener) Close() error { return b.close() }

type boundedConn struct {
	net.Conn
	release func()
}

func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
