// Command hello is what the library's extension hello runs: an HTTP server that answers with a greeting.
// It exists so that an install can be tried on a machine that reaches no image registry.
//
// Run as `hello healthcheck` it asks the server beside it whether it is well, since an image made from
// scratch holds no curl.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	addr            = ":8080" // what the extension's compose file publishes
	defaultGreeting = "Hello from Dream Server"
	probeTimeout    = 2 * time.Second // below the health check's own timeout, so that its answer names the cause
	drainTimeout    = 5 * time.Second // how long SIGTERM waits for requests; docker stop kills after ten seconds
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	switch {
	case len(args) == 0:
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return serve(ctx, ln, greeting(getenv), out)
	case len(args) == 1 && args[0] == "healthcheck":
		return probe(ctx, "http://127.0.0.1"+addr+"/health")
	default:
		return fmt.Errorf("arguments %q: run it with none to serve, or with healthcheck", args)
	}
}

func greeting(getenv func(string) string) string {
	if g := getenv("HELLO_GREETING"); g != "" {
		return g
	}
	return defaultGreeting
}

// serve answers until ctx ends, then lets running requests finish. It closes ln.
func serve(ctx context.Context, ln net.Listener, greeting string, out io.Writer) error {
	srv := &http.Server{
		Handler:           logged(routes(greeting), out),
		ReadHeaderTimeout: 5 * time.Second,
	}
	fmt.Fprintf(out, "listening on %s\n", ln.Addr())

	stopped := make(chan error, 1)
	go func() { stopped <- srv.Serve(ln) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}

	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := srv.Shutdown(drain)
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	fmt.Fprintln(out, "stopped")
	return err
}

func routes(greeting string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { answer(w, greeting) })
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, "ok") })
	return mux
}

func answer(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, text) // a client that went away is its own affair
}

// logged writes one line for each request: what `dream logs hello` shows. The health check asks every two
// seconds; its lines would bury the others, so they are written only when something is wrong.
func logged(next http.Handler, out io.Writer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		if r.URL.Path == "/health" && rec.status == http.StatusOK {
			return
		}
		// %q keeps a request's line breaks from forging a second line.
		fmt.Fprintf(out, "%s %q %d %s\n", r.Method, r.URL.Path, rec.status, time.Since(start).Round(time.Microsecond))
	})
}

// statusRecorder remembers the status that a handler sent.
type statusRecorder struct {
	http.ResponseWriter

	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// probe reports whether the server at url says that it is well.
func probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := new(http.Client).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}
