package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/api"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// streaming is an API with a route of its own, GET /stream, over pipes: its time is that of a synctest bubble.
type streaming struct {
	*installation
	closing chan struct{}
	conns   chan net.Conn
}

func newStreaming(t *testing.T, run func(ctx context.Context, send func(name string, v any) bool)) *streaming {
	t.Helper()
	s := &streaming{installation: newInstallation(t), closing: make(chan struct{}), conns: make(chan net.Conn)}
	handler, err := api.NewStreaming(api.Options{
		Settings: s.settings, Manager: s.manager, Audit: s.agent, Version: "2.1.0", Now: s.now, Closing: s.closing,
	}, run)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = handler
	server := &http.Server{Handler: handler}
	served := make(chan error)
	go func() { served <- server.Serve(s) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return s
}

// Accept, Close and Addr make it the server's listener.
func (s *streaming) Accept() (net.Conn, error) {
	if c, ok := <-s.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (s *streaming) Close() error   { close(s.conns); return nil }
func (s *streaming) Addr() net.Addr { return &net.UnixAddr{} }

// open asks for what is streamed. Nothing of the reply is read yet.
func (s *streaming) open(what string, headers ...string) net.Conn {
	s.t.Helper()
	here, there := net.Pipe()
	s.t.Cleanup(func() { here.Close() })
	s.conns <- addressed{there}
	if len(headers) == 0 {
		headers = []string{"Authorization: Bearer " + key}
	}
	if _, err := fmt.Fprintf(here, "%s HTTP/1.1\r\nHost: localhost:3002\r\n%s\r\n\r\n", what, strings.Join(headers, "\r\n")); err != nil {
		s.t.Fatal(err)
	}
	return here
}

// addressed comes from where httptest's requests come from: sessions are bound to an address.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1234"))
}

// streamed is a reply whose body lasts. Closing that would read it to its end: the connection is closed instead.
type streamed struct {
	status int
	header http.Header
	body   io.Reader
}

func reading(t *testing.T, conn net.Conn) streamed {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil) //nolint:bodyclose // as said
	if err != nil {
		t.Fatal(err)
	}
	return streamed{resp.StatusCode, resp.Header, resp.Body}
}

// rest reads what is sent until the stream ends.
func rest(t *testing.T, conn net.Conn) string {
	t.Helper()
	body, err := io.ReadAll(reading(t, conn).body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// silent sends nothing until the client is gone.
func silent(ctx context.Context, _ func(string, any) bool) { <-ctx.Done() }

func TestEvents_AreOneLineEach(t *testing.T) {
	for _, tc := range []struct {
		id, name string
		v        any
		want     string
	}{
		{"", "log", struct{}{}, "event: log\ndata: {}\n\n"},
		{"7", "log", map[string]string{"text": "a\n\nevent: problem\rdata: b\u2028"}, "id: 7\nevent: log\ndata: " + `{"text":"a\n\nevent: problem\rdata: b\u2028"}` + "\n\n"},
	} {
		got, err := api.NewEvent(tc.id, tc.name, tc.v)
		if err != nil || got != tc.want {
			t.Errorf("%q, %v, want %q", got, err, tc.want)
		}
	}
}

func TestStream_SendsEventsAndEndsWithTheirSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(_ context.Context, send func(string, any) bool) {
			for i := range 200 { // more than wait at a time
				send("count", i)
			}
		})
		resp := reading(t, s.open("GET /stream"))
		if got := resp.header.Get("Content-Type"); resp.status != http.StatusOK || got != "text/event-stream" {
			t.Errorf("%d, Content-Type %q", resp.status, got)
		}
		if got := resp.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q", got)
		}
		body, err := io.ReadAll(resp.body)
		var want strings.Builder
		for i := range 200 {
			fmt.Fprintf(&want, "event: count\ndata: %d\n\n", i)
		}
		if string(body) != want.String() || err != nil {
			t.Errorf("%v, %s", err, body)
		}
	})
}

func TestStream_BeatsEvery15Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		began := time.Now()
		lines := bufio.NewScanner(reading(t, s.open("GET /stream")).body)
		for i := 1; i <= 3; i++ {
			for _, want := range []string{"event: heartbeat", "data: {}", ""} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("%q, want %q", lines.Text(), want)
				}
			}
			if passed := time.Since(began); passed != time.Duration(i)*15*time.Second {
				t.Errorf("beat %d after %s", i, passed)
			}
		}
	})
}

// A stream outlasts what a request may take otherwise, and a client that reads slowly is no client that does not read.
func TestStream_LastsForAClientThatReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		conn := s.open("GET /stream")
		conn.SetReadDeadline(time.Now().Add(24 * time.Hour))
		n, err := io.Copy(io.Discard, reading(t, conn).body)
		if want := int64(24*60*4-1) * int64(len("event: heartbeat\ndata: {}\n\n")); n < want || !strings.Contains(fmt.Sprint(err), "timeout") {
			t.Errorf("%d bytes, want %d; %v", n, want, err)
		}
	})
}

func TestStream_DropsAClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ended := time.Now(), time.Duration(0)
		s := newStreaming(t, func(_ context.Context, send func(string, any) bool) {
			for send("much", strings.Repeat("x", 8<<10)) {
				continue
			}
			ended = time.Since(began)
		})
		s.open("GET /stream")
		time.Sleep(time.Minute)
		synctest.Wait()
		if ended != 10*time.Second {
			t.Errorf("dropped after %s, want 10s", ended)
		}
	})
}

func TestStream_EndsWhen(t *testing.T) {
	for name, end := range map[string]func(s *streaming, conn net.Conn){
		"the client leaves": func(_ *streaming, conn net.Conn) { conn.Close() },
		"the API stops":     func(s *streaming, _ net.Conn) { close(s.closing) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := false
				s := newStreaming(t, func(ctx context.Context, _ func(string, any) bool) {
					<-ctx.Done()
					ended = true
				})
				conn := s.open("GET /stream")
				reading(t, conn)
				synctest.Wait()
				if ended {
					t.Fatal("it ended before")
				}
				end(s, conn)
				synctest.Wait()
				if !ended {
					t.Error("it goes on")
				}
			})
		})
	}
}

// A named key that is taken back while its stream runs tells nothing more from the next heartbeat on.
func TestStream_EndsWithItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		named := s.addKey("watcher", config.ScopeOperate, time.Time{})
		resp := reading(t, s.open("GET /stream", "Authorization: Bearer "+named))
		time.Sleep(20 * time.Second)
		if err := os.Remove(filepath.Join(s.settings.APIKeysDir(), "watcher.json")); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.body)
		got := string(body)
		if strings.Count(got, "event: heartbeat") != 1 || !strings.Contains(got, "event: problem\n") ||
			!strings.Contains(got, `"forbidden"`) || !strings.Contains(got, "the key watcher was taken back") || err != nil {
			t.Errorf("%v, %s", err, got)
		}
	})
}

// A session ends at its time, however long its stream has run: a stream is no use of it.
func TestStream_EndsWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		b := s.browser().signIn(key)
		resp := reading(t, s.open("GET /stream", "Cookie: "+b.cookie))
		said := make(chan string)
		go func() {
			body, _ := io.ReadAll(resp.body)
			said <- string(body)
		}()
		time.Sleep(20 * time.Second)
		s.pass(20 * time.Minute) // the id changes beside the stream, which goes on
		if !b.isIn() {
			t.Fatal("the session ended")
		}
		time.Sleep(20 * time.Second)
		s.pass(13 * time.Hour)
		got := <-said
		if strings.Count(got, "event: heartbeat") != 2 || !strings.Contains(got, "the session has ended: sign in again") {
			t.Error(got)
		}
	})
}

func TestStream_IsRefused(t *testing.T) {
	t.Run("without a key of its scope", func(t *testing.T) {
		s := newStreaming(t, silent)
		refused(t, s.do("GET", "/stream", "", "Authorization: "), problem.Unauthorized, "")
	})
	t.Run("when its key has enough", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStreaming(t, silent)
			other := s.addKey("other", config.ScopeOperate, time.Time{})
			var first net.Conn
			for i := range api.KeyStreams {
				conn := s.open("GET /stream")
				reading(t, conn)
				if i == 0 {
					first = conn
				}
			}
			if resp := reading(t, s.open("GET /stream")); resp.status != http.StatusServiceUnavailable {
				t.Errorf("one more: %d", resp.status)
			}
			if resp := reading(t, s.open("GET /stream", "Authorization: Bearer "+other)); resp.status != http.StatusOK {
				t.Errorf("of another key: %d", resp.status)
			}
			first.Close()
			synctest.Wait()
			if resp := reading(t, s.open("GET /stream")); resp.status != http.StatusOK {
				t.Errorf("after one has ended: %d", resp.status)
			}
		})
	})
}

func TestStream_OfHeadIsItsHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		resp := reading(t, s.open("HEAD /stream"))
		if got := resp.header.Get("Content-Type"); resp.status != http.StatusOK || got != "text/event-stream" {
			t.Errorf("%d, Content-Type %q", resp.status, got)
		}
	})
}

// A bug in what sends events ends its stream, and not the program.
func TestStream_SurvivesABug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(_ context.Context, send func(string, any) bool) {
			send("before", 1)
			panic("bug")
		})
		if got := rest(t, s.open("GET /stream")); got != "event: before\ndata: 1\n\n" {
			t.Errorf("%s", got)
		}
	})
}

// A body that does not arrive holds no connection, whoever sends it and whether anybody waits for it.
func TestBody_ThatDoesNotArrive(t *testing.T) {
	for request, want := range map[string]int{
		"POST /api/session":                 http.StatusBadRequest,
		"POST /api/preflight/ports":         http.StatusUnauthorized,
		"POST /api/extensions/hello/enable": http.StatusUnauthorized,
		"POST /nowhere":                     http.StatusNotFound,
		"GET /healthz":                      http.StatusBadRequest,
	} {
		t.Run(request, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStreaming(t, silent)
				here, there := net.Pipe()
				defer here.Close()
				s.conns <- addressed{there}
				began := time.Now()
				if _, err := fmt.Fprintf(here, "%s HTTP/1.1\r\nHost: localhost:3002\r\nContent-Length: 100\r\n\r\n{", request); err != nil {
					t.Fatal(err)
				}
				resp := reading(t, here)
				if resp.status != want {
					t.Errorf("%d, want %d", resp.status, want)
				}
				_, _ = io.Copy(io.Discard, here) // until it is closed
				if took := time.Since(began); took > 15*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}
