package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/internal/printable"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const (
	// unitLimit is how long systemctl may take, and unitsAtOnce how many of them may.
	unitLimit   = 3 * time.Second
	unitsAtOnce = 4
	// unitKillWait is how long what systemctl left running may hold its output.
	unitKillWait = 200 * time.Millisecond
)

// unit tells what systemd says of an extension's program of the host (type: host-systemd). Which unit that is, the
// manifest says that is found here; a request names an extension, and never a unit.
func (s *Server) unit(w http.ResponseWriter, r *http.Request) {
	name, err := s.unitOf(chi.URLParam(r, "id"))
	if err != nil {
		reply(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), unitLimit)
	defer cancel()
	u, err := s.askSystemd(ctx, name)
	if err != nil {
		reply(w, err)
		return
	}
	send(w, u)
}

// unitOf is the unit of a built-in extension or, where none has the id, of an installed one.
func (s *Server) unitOf(id string) (string, error) {
	if !manifest.ValidID(id) {
		return "", problem.Newf(problem.InvalidArgument, "%.80q is no extension id", id)
	}
	w, err := s.folders()
	if err != nil {
		return "", err
	}
	defer w.close()
	m, err := s.parsed.Read(w.services.FS(), id)
	if err != nil && w.user != nil {
		m, err = s.parsed.Read(catalog.FS(w.user), id)
	}
	switch {
	case err != nil:
		return "", problem.Newf(problem.NotFound, "extension %q: %w", id, err)
	case m.Service.Type != manifest.HostSystemd:
		return "", problem.Newf(problem.Conflict, "extension %q is no program of the host: its manifest does not say type: host-systemd", id)
	}
	name := m.Service.UnitName()
	if !ownsUnit(id, name) {
		return "", problem.Newf(problem.InvalidExtension, "extension %q: its manifest names the unit %s, which is none of its own: write unit: %s.service, or a name that begins with %s-", id, name, id, id)
	}
	return name, nil
}

// ownsUnit reports whether the unit is called after the extension: a manifest is a stranger's text, and what runs on the
// host beside is none of its business.
func ownsUnit(id, name string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(name, ".service"), id)
	return ok && (rest == "" || rest[0] == '-' || rest[0] == '@')
}

// askSystemd asks for one unit.
func (s *Server) askSystemd(ctx context.Context, name string) (health.Unit, error) {
	select {
	case s.systemd <- struct{}{}:
		defer func() { <-s.systemd }()
	case <-ctx.Done():
		return health.Unit{}, problem.Newf(problem.Unavailable, "systemctl does not answer within %s", unitLimit)
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, s.opts.Systemctl, "show", "--property=LoadState,ActiveState,Result", "--", name)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &limitedBuffer{buf: &out}, &limitedBuffer{buf: &said}
	cmd.WaitDelay = unitKillWait
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return health.Unit{}, problem.Newf(problem.Unavailable, "systemctl does not answer within %s", unitLimit)
	case errors.Is(err, exec.ErrNotFound):
		return health.Unit{}, problem.Newf(problem.Unavailable, "there is no systemd on this machine")
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return health.Unit{}, problem.Newf(problem.Unavailable, "systemctl fails: %s", printable.Line(fmt.Sprintf("%.200s (%v)", first, err)))
	}
	u := parseUnit(out.String())
	if u.ActiveState == "" {
		return health.Unit{}, problem.Newf(problem.Unavailable, "systemctl prints what nobody can read")
	}
	return u, nil
}

// parseUnit reads the properties that systemctl prints, a line each. What is no word of systemd's is none.
func parseUnit(text string) health.Unit {
	properties := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if len(value) <= 40 && strings.Trim(value, "abcdefghijklmnopqrstuvwxyz-") == "" {
			properties[key] = value
		}
	}
	return health.Unit{LoadState: properties["LoadState"], ActiveState: properties["ActiveState"], Result: properties["Result"]}
}

// limitedBuffer keeps the first bytes of what a program prints.
type limitedBuffer struct{ buf *bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	const most = 4 << 10
	b.buf.Write(p[:min(len(p), max(0, most-b.buf.Len()))])
	return len(p), nil
}
