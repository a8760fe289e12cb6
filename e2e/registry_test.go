package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// registry is a real one, and a proxy before it that counts what is asked for and holds layers back.
type registry struct {
	process *process
	proxy   *http.Server
	addr    string // of the proxy: what images are called after
	direct  string // of the registry itself
	refs    []string
	gate    gate

	mu     sync.Mutex
	layers map[string]bool // by digest
	asked  map[string]int  // how many layers, by the image's name
}

// cmdRegistry is described at [commands].
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: registry start | image NAME MB [ARCH] | pass MB | open | stop | layers NAME COUNT"
	s := stackOf(ts)
	if neg || len(args) == 0 || s.registry == nil && args[0] != "start" {
		ts.Fatalf(usage)
	}
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		ts.Check(err)
		return n
	}
	switch r := s.registry; {
	case args[0] == "start":
		r, err := startRegistry(ts.MkAbs("registry"))
		s.registry = r
		ts.Check(err)
		_, port, err := net.SplitHostPort(r.addr)
		ts.Check(err)
		ts.Setenv("REGISTRY", r.addr)
		ts.Setenv("REGISTRY_PORT", port)
	case args[0] == "image" && len(args) >= 3:
		arch := "amd64"
		if len(args) == 4 {
			arch = args[3]
		}
		ts.Check(r.push(args[1], number(args[2]), arch))
	case args[0] == "pass" && len(args) == 2:
		r.gate.allow(int64(number(args[1])) << 20)
	case args[0] == "open":
		r.gate.allow(-1)
	case args[0] == "stop":
		ts.Check(r.end())
	case args[0] == "layers" && len(args) == 3:
		r.mu.Lock()
		defer r.mu.Unlock()
		if got := r.asked[args[1]]; got != number(args[2]) {
			ts.Fatalf("%d layers of %s were asked for, want %s", got, args[1], args[2])
		}
	default:
		ts.Fatalf(usage)
	}
}

var registryListens = regexp.MustCompile(`^listening on (127\.0\.0\.1:\d+)`)

func startRegistry(dir string) (*registry, error) {
	config := filepath.Join(dir, "config.yml")
	text := "version: 0.1\nlog: {level: info, formatter: json}\nstorage: {filesystem: {rootdirectory: " + strconv.Quote(filepath.Join(dir, "data")) +
		"}}\nhttp: {addr: \"127.0.0.1:0\", secret: of nobody}\n"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := launch(exec.Command("docker-registry", "serve", config), func(line logLine) (string, bool) {
		if m := registryListens.FindStringSubmatch(line.Msg); m != nil {
			return m[1], true
		}
		return "", false
	})
	if err != nil {
		return nil, fmt.Errorf("%w: tools/setup.sh --test provides it", err)
	}
	r := &registry{process: p, direct: "http://" + p.addr, layers: map[string]bool{}, asked: map[string]int{}}
	r.gate.allow(-1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	r.addr = l.Addr().String()
	behind, err := url.Parse(r.direct)
	if err != nil {
		return r, err
	}
	r.proxy = &http.Server{Handler: &httputil.ReverseProxy{
		Rewrite:        func(q *httputil.ProxyRequest) { q.SetURL(behind) },
		ModifyResponse: r.answer,
		FlushInterval:  -1,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	go func() { _ = r.proxy.Serve(l) }()
	return r, nil
}

// answer counts what is asked for, and puts layers behind the gate.
func (r *registry) answer(resp *http.Response) error {
	name, digest, isBlob := strings.Cut(strings.TrimPrefix(resp.Request.URL.Path, "/v2/"), "/blobs/")
	r.mu.Lock()
	defer r.mu.Unlock()
	if isBlob && r.layers[digest] && resp.Request.Method == http.MethodGet {
		r.asked[name]++
		resp.Body = &gated{ReadCloser: resp.Body, ctx: resp.Request.Context(), gate: &r.gate}
	}
	return nil
}

// end ends the registry. It may be called again.
func (r *registry) end() error {
	var err error
	if r.proxy != nil {
		err = r.proxy.Close()
	}
	return errors.Join(err, r.process.end(syscall.SIGTERM))
}

// destroy ends the registry, and removes from the engine what was pulled from it.
func (r *registry) destroy() {
	if r == nil {
		return
	}
	_ = r.end()
	for _, ref := range r.refs {
		_ = exec.Command("docker", "image", "rm", "--force", ref).Run() // most were pulled
	}
}

// gate lets a number of bytes through, and then none until more are allowed.
type gate struct {
	mu   sync.Mutex
	left int64         // below 0 for all
	more chan struct{} // is closed when left was set anew
}

func (g *gate) allow(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = n
	if g.more != nil {
		close(g.more)
	}
	g.more = make(chan struct{})
}

// take waits until some of n bytes may pass, and returns how many.
func (g *gate) take(ctx context.Context, n int) (int, error) {
	for {
		g.mu.Lock()
		if g.left < 0 {
			g.mu.Unlock()
			return n, nil
		}
		if g.left > 0 {
			n = int(min(int64(n), g.left))
			g.left -= int64(n)
			g.mu.Unlock()
			return n, nil
		}
		more := g.more
		g.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// gated is a body behind a gate.
type gated struct {
	io.ReadCloser

	ctx  context.Context
	gate *gate
}

func (g *gated) Read(p []byte) (int, error) {
	n, err := g.gate.take(g.ctx, len(p))
	if err != nil {
		return 0, err
	}
	return g.ReadCloser.Read(p[:n])
}
