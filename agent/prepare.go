package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// wanted says what prepare is for.
type wanted struct {
	run     bool             // from the agent's own copy, enabled extensions only; else judged where it lies
	library bool             // the library's folder instead of the installed one
	grants  []manifest.Grant // that come with the request
	plan    *planning        // nothing is to run, and nothing is written; nil for everything else
	asks    *asking          // what one policy is asked, and no more; nil for everything else
}

func toRun(grants []manifest.Grant) wanted { return wanted{run: true, grants: grants} }

func judge(library bool) wanted { return wanted{library: library} }

// prepared is an accepted operation: what would run, and as which file.
type prepared struct {
	id       string
	world    *world // closed; its values may still be read
	project  *types.Project
	services []string // the extension's own, sorted
	file     []byte
	notes    []string
	own      ownFacts
	made     []madeSecrets     // for it, and not kept yet
	granted  *grantRecord      // with the request, and not kept yet
	secrets  map[string]string // key → value, of what must not be shown
	inputs   map[string]string // file → SHA-256, of all that it was made of
	done     func()            // lets go of the copies that the file mentions, once it is approved or given up

	override       string             // digest of the owner's override; empty without one
	ownersFindings []security.Finding // what is in it
}

// prepare goes from files to an accepted project: resolve, copy, load, scan, join, close over dependencies, and
// encode (ARCHITECTURE.md). It changes nothing but the copies below the state directory, which stay until the caller
// is done with what is prepared.
func (s *Server) prepare(ctx context.Context, id string, want wanted) (_ *prepared, err error) {
	w, err := s.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	l := loading{server: s, world: w, want: want, inputs: map[string]string{}, digests: map[string]string{}, secretKeys: map[string]bool{}}
	defer func() {
		if err != nil {
			l.done()
			err = discreet(err, l.hidden())
		}
		l.noteSecrets()
	}()
	base, err := l.base(ctx)
	if err != nil {
		return nil, installationError(err)
	}
	p := &prepared{id: id, world: w, done: l.done}
	if w.isCore(id) {
		if _, ok := base.Project.Services[id]; !ok {
			return nil, problem.Newf(problem.NotFound, "core service %q is not in the base files", id)
		}
		p.services = []string{id}
	} else {
		own, err := l.wanted(ctx, id)
		if err != nil {
			return nil, err
		}
		if p.services = own.ServiceNames(); len(p.services) == 0 {
			return nil, problem.Newf(problem.InvalidExtension, "extension %q defines no service for GPU_BACKEND %s: nothing could run", id, w.host.Backend)
		}
		p.notes, p.own = own.Notes, l.own
		p.own.digest = l.digests[id]
		if err := l.checkClaims(base, own); err != nil {
			return nil, err
		}
	}
	if err := l.dependencies(ctx, base); err != nil {
		return nil, err
	}
	project, dropped := compose.Join(base, l.units, w.ids...)
	for _, d := range dropped {
		if d.ID == id {
			return nil, d.Err
		}
	}
	if project, err = l.override(ctx, project, p); err != nil {
		return nil, installationError(err)
	}
	p.noteOverride()
	p.made, p.granted, p.inputs, p.secrets = l.made, l.granted, l.inputs, l.hidden()
	auditOf(ctx).Override = p.override
	p.project = compose.Closure(project, p.services)
	p.project.Name = w.settings.Names.Project
	if p.file, err = compose.Encode(p.project); err != nil {
		return nil, err
	}
	return p, nil
}

// installationError is what is wrong with the platform's own files: no extension's fault, and no change of one is
// given up for it.
func installationError(err error) error {
	e := problem.As(err)
	if e.Code == problem.Internal {
		return err
	}
	detail := strings.TrimPrefix(strings.TrimPrefix(e.Detail, `extension "base": `), `extension "override": `)
	return &problem.Error{Code: problem.Unavailable, Detail: "the installation cannot be used: " + detail, Items: e.Items, Err: err}
}

func notInstalled(id string) error {
	return problem.Newf(problem.NotFound, "extension %q is not installed", id)
}

func (w *world) notInStack(id string) error {
	reason := w.skipReason(id)
	switch {
	case reason == "" && !slices.Contains(w.ids, id):
		return notInstalled(id)
	case reason == "disabled":
		return problem.Newf(problem.NotEnabled, "extension %q is disabled: enable it first", id)
	case reason == "":
		return problem.Newf(problem.InvalidExtension, "extension %q has no compose file: nothing could run", id)
	}
	return problem.Newf(problem.Quarantined, "extension %q takes no part: %s", id, reason)
}
