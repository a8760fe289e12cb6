package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/scaffold"
	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
)

// convert makes the files of a compose file, and asks the person at the terminal what it does not say.
func (a *app) convert(ctx context.Context, templates fs.FS, known *scaffold.Known, home home, f newFlags, done *made) error {
	host, container, _ := ports(f.port)
	if host != 0 {
		if err := known.CheckPort(host); err != nil {
			return err
		}
	}
	src, closeSource, err := openSource(f)
	if err != nil {
		return err
	}
	defer closeSource()
	o := scaffold.Options{ID: done.ID, Port: container, HostPort: host, Health: f.health, Folder: shortPath(done.Folder), Schema: home.schema(done.ID)}
	result, err := scaffold.Convert(templates, known, o, src)
	if err != nil {
		return err
	}
	if result.Unchecked && result.Port != 0 && a.asks() {
		if o.Health, err = a.askHealth(ctx, result.Port); err != nil {
			return err
		}
	}
	if o.Health != f.health {
		// The ports that the first conversion took are free again for the second.
		if known, err = knownExtensions(home.settings); err != nil {
			return err
		}
		if result, err = scaffold.Convert(templates, known, o, src); err != nil {
			return err
		}
	}
	done.Files, done.Notes = result.Files, append(done.Notes, result.Notes...)
	done.Port, done.HostPort, done.Health = result.Port, result.HostPort, result.Health
	return nil
}

// askHealth asks for the one thing that a compose file without a healthcheck cannot tell.
func (a *app) askHealth(ctx context.Context, port int) (string, error) {
	fmt.Fprintf(a.stderr, "It has no healthcheck. On which path does port %d answer while it works? (such as /health; empty for none) ", port)
	answer, err := a.readAnswer(ctx, false)
	if errors.Is(err, io.EOF) {
		err = nil // the answer is none
	}
	return strings.TrimSpace(answer), err
}

// openSource reads the compose file, of which no more is looked at than a parser would take, and opens the folder around
// it. It may be a stranger's: no link leads out of the folder, and nothing in it makes us wait.
func openSource(f newFlags) (src scaffold.Source, closeSource func(), err error) {
	root, err := openDir(filepath.Dir(f.compose))
	if err != nil {
		return src, nil, problem.Newf(problem.InvalidArgument, "%s: %w", f.compose, err)
	}
	src = scaffold.Source{Name: f.compose, Service: f.service, Folder: catalog.FS(root)}
	if src.Data, err = readRegular(src.Folder, filepath.Base(f.compose), yamldoc.MaxBytes); err != nil {
		root.Close()
		return src, nil, problem.Newf(problem.InvalidArgument, "%s: %w: name a compose file", f.compose, err)
	}
	return src, func() { root.Close() }, nil
}
