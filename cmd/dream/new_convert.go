package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	src, err := readSource(f)
	if err != nil {
		return err
	}
	o := scaffold.Options{ID: done.ID, Port: container, HostPort: host, Health: f.health, Schema: home.schema(done.ID)}
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

// readSource reads the compose file, of which no more is looked at than a parser would take.
func readSource(f newFlags) (scaffold.Source, error) {
	src := scaffold.Source{Name: f.compose, Service: f.service, Folder: os.DirFS(filepath.Dir(f.compose))}
	info, err := os.Stat(f.compose)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file: name a compose file", f.compose)
	}
	if err != nil {
		return src, problem.Newf(problem.InvalidArgument, "%w", err)
	}
	file, err := os.Open(f.compose)
	if err != nil {
		return src, problem.Newf(problem.InvalidArgument, "%w", err)
	}
	defer file.Close()
	src.Data, err = io.ReadAll(io.LimitReader(file, yamldoc.MaxBytes+1))
	return src, err
}
