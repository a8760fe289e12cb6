package agent

import (
	"context"
	"fmt"
	"path"

	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
)

// base loads the platform's own files, and over them what core services' folders add to their own service.
func (l *loading) base(ctx context.Context) (*compose.Unit, error) {
	w := l.world
	in := compose.Input{ID: "base", Source: compose.Builtin, Base: true, Env: compose.OwnerEnv(w.settings)}
	for _, name := range w.stack.Base {
		data, err := w.install.ReadFile(name)
		if err != nil {
			return nil, problem.Newf(problem.Unavailable, "base file %s cannot be read: run `dream init` (%w)", name, err)
		}
		l.note(name, data)
		in.Files = append(in.Files, compose.File{Name: name, Content: data})
	}
	for _, u := range w.stack.Units {
		if !u.Core() {
			continue
		}
		for i, name := range u.Files {
			data, err := w.services.ReadFile(path.Join(u.Dir, name))
			if err != nil {
				return nil, problem.Newf(problem.Unavailable, "%s cannot be read: %w", u.Paths[i], err)
			}
			if err := onlyService(data, u.ID); err != nil {
				return nil, problem.Newf(problem.InvalidExtension, "%s: %w", u.Paths[i], err)
			}
			l.note(u.ID+"/"+name, data)
			in.Files = append(in.Files, compose.File{Name: u.Paths[i], Content: data})
		}
	}
	u, err := l.server.units.load(ctx, in, compose.Place{
		Names: w.settings.Names, InstallDir: w.settings.InstallDir, DataDir: w.settings.DataDir,
	}, nil)
	return u.Unit, err
}

// onlyService refuses a core service's overlay that touches another service.
func onlyService(data []byte, id string) error {
	root, err := yamldoc.Parse(data)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "services" {
			return fmt.Errorf("line %d: only services.%s may be changed here", root.Content[i].Line, id)
		}
		services := root.Content[i+1]
		for j := 0; services.Kind == yaml.MappingNode && j+1 < len(services.Content); j += 2 {
			if services.Content[j].Value != id {
				return fmt.Errorf("line %d: only services.%s may be changed here", services.Content[j].Line, id)
			}
		}
	}
	return nil
}
