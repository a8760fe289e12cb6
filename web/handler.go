// Package web serves the dashboard: the files that `make web` builds into dist, embedded in the binary. A binary
// that was built without them serves a page that says so.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// dist has .gitkeep in it, so that `go build` works where nobody built the dashboard.
//
//go:embed all:dist
var dist embed.FS

//go:embed absent.html
var absentPage string

// builtPolicy is the Content-Security-Policy of the dashboard: everything from here, no inline script.
const builtPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Handler serves the embedded dashboard.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is the constant above
	}
	return New(built)
}

// New serves a built dashboard from files. index.html answers every path that is not a file, because the
// dashboard routes in the browser; it is asked for anew each time. Files in assets/ have a hash in their name
// and are kept for ever.
func New(files fs.FS) http.Handler {
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return onlyGet(http.HandlerFunc(absent))
	}
	return onlyGet(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		info, err := fs.Stat(files, name)
		switch {
		case err == nil && info.Mode().IsRegular() && name != "index.html":
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			} else {
				w.Header().Set("Cache-Control", "no-cache")
			}
		case path.Ext(name) != "" && name != "index.html":
			http.NotFound(w, r) // a page here would be run as a script, or shown as an image
			return
		default:
			name = "index.html"
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Security-Policy", builtPolicy)
		}
		http.ServeFileFS(w, withPath(r, "/"+name), files, name)
	}))
}

// withPath keeps ServeFileFS from redirecting /index.html to /, which asks for index.html.
func withPath(r *http.Request, p string) *http.Request {
	r = r.Clone(r.Context())
	r.URL.Path = strings.TrimSuffix(p, "index.html")
	return r
}

func onlyGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD are allowed here", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func absent(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src '"+styleHash(absentPage)+"'; frame-ancestors 'none'")
	_, _ = w.Write([]byte(absentPage)) // the client left: nobody to tell
}

// styleHash is how a policy names the one style element of page.
func styleHash(page string) string {
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
