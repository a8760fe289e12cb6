package api

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// hosts are the names under which a server may be addressed. A page that points its own name at 127.0.0.1
// (DNS rebinding) sends that name, which is not among them. An IP address cannot be rebound, so each is fine.
type hosts map[string]bool

func knownHosts(s config.Settings) hosts {
	known := hosts{"localhost": true}
	for _, service := range []string{"dashboard", "dashboard-api"} {
		known[service], known[s.Names.Prefix+service] = true, true
	}
	for _, name := range s.AllowedHosts {
		known[strings.ToLower(name)] = true
	}
	for _, origin := range s.AllowedOrigins {
		if u, err := url.Parse(origin); err == nil {
			known[strings.ToLower(u.Hostname())] = true
		}
	}
	return known
}

func (h hosts) has(host string) bool {
	name := hostName(host)
	return name != "" && (h[name] || net.ParseIP(name) != nil)
}

// hostName is what a Host header names: name, name:port, 127.0.0.1:port, [::1]:port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func (h hosts) only(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.has(r.Host) {
			problem.Write(w, problem.Newf(problem.Forbidden, "the host name %q is not known here: use localhost or an IP address, "+
				"or add the name to DASHBOARD_ALLOWED_HOSTS", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// crossOrigin refuses changes that another site's page asks a browser for, and lets the pages of allowed
// origins read replies (CORS). Programs that are no browsers send none of the headers that it looks at.
func crossOrigin(allowed []string) (func(http.Handler) http.Handler, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range allowed {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("DASHBOARD_ALLOWED_ORIGINS: write origins such as https://dream.example:3001: %w", err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, problem.Newf(problem.Forbidden, "this request comes from a page of another site, %q: "+
			"if you trust it, add it to DASHBOARD_ALLOWED_ORIGINS", r.Header.Get("Origin")))
	}))
	return func(next http.Handler) http.Handler { return cors(allowed, protection.Handler(next)) }, nil
}

// cors answers the questions that browsers ask before a page of an allowed origin may read. The key travels in
// a header, so cookies are not asked for.
func cors(allowed []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" || !slices.Contains(allowed, origin) {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag, Location, Preference-Applied, "+requestIDHeader)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
