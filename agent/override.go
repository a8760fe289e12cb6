package agent

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security"
)

// override merges the operator's docker-compose.override.yml over the whole. It is trusted as the operator is,
// and only while nobody else can write it. What it says of services that do not exist is left out with a note.
func (l *loading) override(ctx context.Context, project *types.Project, p *prepared) (*types.Project, error) {
	w := l.world
	if w.stack.Override == "" {
		return project, nil
	}
	if err := onlyOperatorWrites(w.install, w.stack.Override, w.settings.UID); err != nil {
		return nil, problem.Newf(problem.InvalidArgument, "%s: %w", w.stack.Override, err)
	}
	data, err := w.install.ReadFile(w.stack.Override)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.stack.Override, err)
	}
	l.note(w.stack.Override, data)
	whole, err := compose.Encode(project)
	if err != nil {
		return nil, err
	}
	if err := l.judgeOverride(ctx, data, p); err != nil {
		return nil, err
	}
	u, err := l.server.units.load(ctx, compose.Input{
		ID: "override", Source: compose.Builtin, Base: true, Env: compose.OwnerEnv(w.settings),
		Files: []compose.File{{Name: "stack", Content: whole}, {Name: w.stack.Override, Content: data}},
	}, compose.Place{InstallDir: w.settings.InstallDir, DataDir: w.settings.DataDir, Names: w.settings.Names, KeepNames: true}, nil)
	if err != nil {
		return nil, err
	}
	merged := *u.Project
	merged.Services = types.Services{}
	for name, s := range u.Project.Services {
		if _, known := project.Services[name]; !known && s.Image == "" && s.Build == nil {
			if l.owner(name) != nil {
				continue // it takes no part in this operation
			}
			p.notes = append(p.notes, fmt.Sprintf("%s: services.%s is left out: no enabled extension has it", w.stack.Override, name))
			continue
		}
		merged.Services[name] = s
	}
	return &merged, nil
}

// judgeOverride notes what in the file no extension could have, and records which file it was. Nothing is refused:
// the file is the owner's.
func (l *loading) judgeOverride(ctx context.Context, data []byte, p *prepared) error {
	w := l.world
	u, err := compose.Load(ctx, compose.Input{
		ID: "override", Source: compose.Owner, Base: true, Env: compose.OwnerEnv(w.settings), Files: []compose.File{{Name: w.stack.Override, Content: data}},
	})
	if err != nil {
		return err
	}
	u.Place(compose.Place{InstallDir: w.settings.InstallDir, DataDir: w.settings.DataDir, Names: w.settings.Names, KeepNames: true}, true)
	findings, err := security.Scan(security.Subject{Unit: u, DataDir: w.settings.DataDir, InstallDir: w.settings.InstallDir, Prefix: w.settings.Names.Prefix})
	if err != nil {
		return err
	}
	p.override = fmt.Sprintf("%x", sha256.Sum256(data))
	p.ownersFindings = findings
	return nil
}

// noteOverride tells what the owner's file gives the services that this operation is about.
func (p *prepared) noteOverride() {
	for _, f := range p.ownersFindings {
		if slices.Contains(p.services, f.Service) && !slices.Contains(lacks, f.Rule) {
			p.notes = append(p.notes, fmt.Sprintf("%s: %s", f.Where(), f.Message))
		}
	}
}

// lacks are rules about what a whole service should have: a file that changes a part of it need not say so.
var lacks = []string{"no-healthcheck", "no-limits", "new-privileges", "image-latest", "image-digest"}

func onlyOperatorWrites(root *os.Root, name string, owner int) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("is not a regular file")
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others can write it: chmod go-w %s", name)
	case ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 && int(st.Uid) != owner:
		return fmt.Errorf("belongs to uid %d, not to the install's owner", st.Uid)
	}
	return nil
}
