package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"

	"dreamserver/catalog/scaffold"
	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
)

// convert makes the files of a compose file, and asks the person at the terminal what it does not say.
func (a *app) convert(templates fs.FS, known *scaffold.Known, home home, f newFlags, done *made) error {
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
	if result.Unchecked && result.Port != 0 && !a.json && isatty.IsTerminal(os.Stdin.Fd()) {
		if o.Health = a.askHealth(os.Stdin, result.Port); o.Health != "" {
			// The ports that the first conversion took are free again for the second.
			if known, err = a.knownAgain(); err != nil {
				return err
			}
			if result, err = scaffold.Convert(templates, known, o, src); err != nil {
				return err
			}
		}
	}
	done.Files, done.Notes = result.Files, append(done.Notes, result.Notes...)
	done.Port, done.HostPort, done.Health = result.Port, result.HostPort, result.Health
	return nil
}

func (a *app) knownAgain() (*scaffold.Known, error) {
	settings, err := a.settings()
	if err != nil {
		return nil, err
	}
	return knownExtensions(settings)
}

// askHealth asks for the one thing that a compose file without a healthcheck cannot tell.
func (a *app) askHealth(in io.Reader, port int) string {
	fmt.Fprintf(a.stdout, "It has no healthcheck. On which path does port %d answer while it works? (such as /health; empty for none) ", port)
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(line)
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
