package health_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamserver/catalog/health"
)

func ask(ctx context.Context, at string, timeout time.Duration) health.Result {
	return health.AskHTTP(ctx, health.NewClient(health.NewTransport()), health.Target{ID: "notes", URL: at, Timeout: timeout})
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// patience is for what must not end by time; it is far from what is waited for.
const patience = 10 * time.Second

func TestProbe_Answers(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a probe went on to another host, for %s", r.URL)
	})
	tests := []struct {
		name  string
		serve http.HandlerFunc
		want  health.Outcome
		words string // {at} is host and port
	}{
		{"200", status(200), health.Answered, ""},
		{"204", status(204), health.Answered, ""},
		{"304", status(304), health.Answered, ""},
		{"302 without a place", status(302), health.Answered, ""},
		{"401, it wants a key", status(401), health.Answered, ""},
		{"403, it wants another key", status(403), health.Answered, ""},
		{"400", status(400), health.ClientError, "answers 400 at /health"},
		{"404", status(404), health.ClientError, "answers 404 at /health"},
		{"407", status(407), health.ClientError, "answers 407 at /health"},
		{"429", status(429), health.ClientError, "answers 429 at /health"},
		{"500", status(500), health.ServerError, "answers 500 at /health"},
		{"503", status(503), health.ServerError, "answers 503 at /health"},
		{"999", status(999), health.ServerError, "answers 999 at /health"},
		{"a redirect to its own page", redirects(map[string]string{"/health": "/ui/", "/ui/": ""}), health.Answered, ""},
		{"a redirect to its own error", redirects(map[string]string{"/health": "/gone?secret=1"}), health.ClientError, "answers 404 at /gone"},
		{"a redirect to another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/login", http.StatusFound)
		}, health.Answered, ""},
		{"a redirect to https", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+"/", http.StatusMovedPermanently)
		}, health.Answered, ""},
		{"a redirect to a file", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, health.Garbled, "redirects to what is neither http nor https, starting at /health"},
		{"a redirect to nowhere", redirects(map[string]string{"/health": "http://%zz/"}), health.Garbled, "what answers at {at} does not speak HTTP as it should"},
		{"a circle", redirects(map[string]string{"/health": "/a", "/a": "/health"}), health.Garbled, "redirects in a circle, starting at /health"},
		{"a spiral", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}, health.Garbled, "redirects more than 5 times, starting at /health"},
		{"no answer", raw(""), health.Garbled, "the connection was closed without an answer at {at}"},
		{"half an answer", raw("HTTP/1.1 200 OK\r\nContent-"), health.Garbled, "what answers at {at} does not speak HTTP as it should"},
		{"no HTTP", raw("SSH-2.0-OpenSSH_9.9\r\n\r\n"), health.Garbled, "what answers at {at} does not speak HTTP as it should"},
		{"a header without end", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"), health.Garbled, "what answers at {at} does not speak HTTP as it should"},
		{"less than it promised", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), health.Answered, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.serve)
			got := ask(t.Context(), s.URL+"/health", patience)
			if answered := got.Outcome == health.Answered || strings.HasPrefix(got.Words, "answers"); answered != (got.Took > 0) {
				t.Errorf("%s took %s", got.Outcome, got.Took)
			}
			got.Took = 0
			want := health.Result{Outcome: tt.want, Words: strings.ReplaceAll(tt.words, "{at}", strings.TrimPrefix(s.URL, "http://"))}
			wantEqual(t, "result", want, got)
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// redirects leads from path to path; an empty one is an answer.
func redirects(to map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		next, ok := to[r.URL.Path]
		switch {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		case next != "":
			w.Header().Set("Location", next)
			w.WriteHeader(http.StatusFound)
		}
	}
}

// raw sends bytes, and closes the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, answer)
	}
}

func TestProbe_WaitsNoLongerThanItMay(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done(): // the probe has hung up
		case <-release:
		}
	})
	defer close(release)
	got := ask(t.Context(), s.URL, 50*time.Millisecond)
	wantEqual(t, "result", health.Result{Outcome: health.TimedOut, Words: "no answer within 0.05 s"}, got)
}

// A service that sends without end, or drop by drop, has answered with its header. The rest is cut off.
func TestProbe_CutsABodyOff(t *testing.T) {
	const gigabyte = 1 << 30
	tests := []struct {
		name string
		body func(w http.ResponseWriter, r *http.Request) (sent int)
	}{
		{"1 GB", func(w http.ResponseWriter, _ *http.Request) (sent int) {
			w.Header().Set("Content-Length", fmt.Sprint(gigabyte))
			for block := make([]byte, 64<<10); sent < gigabyte; {
				n, err := w.Write(block)
				if sent += n; err != nil {
					break
				}
			}
			return sent
		}},
		{"a byte, and then none", func(w http.ResponseWriter, r *http.Request) int {
			w.Write([]byte("x"))
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return 1
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sent := make(chan int, 1)
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { sent <- tt.body(w, r) })
			got := ask(t.Context(), s.URL, time.Hour) // it is not time that ends it
			if got.Outcome != health.Answered || got.Took >= patience {
				t.Errorf("got %+v", got)
			}
			if n := <-sent; n > gigabyte/4 {
				t.Errorf("the service could send %d bytes", n)
			}
		})
	}
}

func TestProbe_NobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	got := ask(t.Context(), "http://"+at+"/", patience)
	wantEqual(t, "result", health.Result{Outcome: health.Refused, Words: "connection refused at " + at}, got)
}

func TestProbe_SpeaksIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	s := httptest.NewUnstartedServer(status(200))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()
	if got := ask(t.Context(), s.URL, patience); got.Outcome != health.Answered {
		t.Errorf("got %+v", got)
	}
}

// What cannot be had on every machine is made: the errors are those of the resolver and of the kernel.
func TestProbe_TellsNamesFromRoads(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := []struct {
		name string
		err  error
		want health.Result
	}{
		{"no such name", dial(&net.DNSError{Err: "no such host", Name: "notes", IsNotFound: true}), health.Result{Outcome: health.NoName, Words: "the name notes is not known: no container of it runs"}},
		{"no name server", dial(&net.DNSError{Err: "i/o timeout", Name: "notes", IsTimeout: true}), health.Result{Outcome: health.Unreachable, Words: "the name notes cannot be looked up: the name server does not answer"}},
		{"another trouble", dial(errors.New("socket: too many open files")), health.Result{Outcome: health.Unable, Words: "no connection can be made: socket: too many open files"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client := health.NewClient(roundTrip(func(*http.Request) (*http.Response, error) { return nil, tt.err }))
			got := health.AskHTTP(t.Context(), client, health.Target{URL: "http://notes:80/", Timeout: patience})
			wantEqual(t, "result", tt.want, got)
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestProbe_LeavesNoConnectionAndTakesNoProxy(t *testing.T) {
	transport := health.NewTransport()
	if transport.Proxy != nil {
		t.Error("the transport takes a proxy from the environment")
	}
	var open atomic.Int32
	closed := make(chan struct{}, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wantEqual(t, "request", []string{"HTTP/1.1", "", "dream-health"}, []string{r.Proto, r.Header.Get("Accept-Encoding"), r.UserAgent()})
		io.WriteString(w, `{"status": "ok"}`)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	client := health.NewClient(transport)
	for range 3 {
		if got := health.AskHTTP(t.Context(), client, health.Target{URL: s.URL, Timeout: patience}); got.Outcome != health.Answered {
			t.Fatalf("got %+v", got)
		}
		<-closed
	}
	wantEqual(t, "open connections", int32(0), open.Load())
}

func TestProbe_NamesNoSecretOfTheURL(t *testing.T) {
	s := serve(t, status(500))
	u, _ := url.Parse(s.URL + "/health?token=abc")
	if got := ask(t.Context(), u.String(), patience); strings.Contains(got.Words, "abc") {
		t.Errorf("the words show the query: %s", got.Words)
	}
}
