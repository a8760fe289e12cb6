package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/api"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/web"
)

// serveUI runs the dashboard until ctx ends. It holds no key: who calls the API through it brings their own.
func serveUI(ctx context.Context, s config.Settings, log zerolog.Logger) error {
	handler, err := newUI(ctx, s, log)
	if err != nil {
		return err
	}
	tlsConfig, err := lanTLS(s, log)
	if err != nil {
		return err
	}
	return listen(ctx, log, address{s.DashboardHost, s.DashboardPort, "DASHBOARD_PORT", tlsConfig}, handler, s.StopTimeout)
}

// newUI is the dashboard's pages, with the API behind the same origin. Paths go on as they came, not cleaned:
// the API is the one to judge them. Streams end with ctx: they have no other end, and the program would wait for them.
func newUI(ctx context.Context, s config.Settings, log zerolog.Logger) (http.Handler, error) {
	upstream, err := url.Parse(s.APIURL)
	if err != nil {
		return nil, fmt.Errorf("DASHBOARD_API_URL: %w", err)
	}
	forward, pages := forwardTo(ctx, upstream), web.Handler()
	return api.Shield(s, log)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case forwarded(r.URL.Path):
			forward.ServeHTTP(w, r)
		case r.URL.Path == "/metrics":
			problem.Write(w, problem.Newf(problem.NotFound, "the dashboard has no metrics: ask the API on its own port, 3002"))
		case r.URL.Path == "/healthz":
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintln(w, "ok")
		default:
			pages.ServeHTTP(w, r)
		}
	})), nil
}

func forwarded(path string) bool {
	return strings.HasPrefix(path, "/api/") || slices.Contains([]string{"/api", "/docs", "/openapi.json", "/health", "/readyz"}, path)
}

func forwardTo(ctx context.Context, upstream *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Host = r.In.Host // the API compares it with Origin
			r.SetXForwarded()
		},
		// Nothing limits the time to the first byte of a reply: a change answers when it is done.
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 32,
			IdleConnTimeout:     time.Minute, // less than the API's, so that it is never the API that hangs up
		},
		FlushInterval: -1, // events arrive when they happen
		ModifyResponse: func(r *http.Response) error {
			if r.Header.Get("Content-Type") == "text/event-stream" {
				stop := context.AfterFunc(ctx, func() { r.Body.Close() })
				context.AfterFunc(r.Request.Context(), func() { stop() })
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(r.Context().Err(), context.Canceled) {
				return // nobody to tell
			}
			api.Log(r.Context()).Warn().Err(err).Str("upstream", upstream.Host).Msg("dashboard-api does not answer")
			w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
			problem.Write(w, problem.Newf(problem.APIAway, "dashboard-api does not answer at %s: start it with `make run`, "+
				"or look into its log", upstream))
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clear(w.Header()) // the API's reply brings its own
		proxy.ServeHTTP(w, r)
	})
}
