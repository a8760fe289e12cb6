package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// stopExtension stops the containers of an extension. It asks no policy and no scan.
func (s *Server) stopExtension(ctx context.Context, id string) (*catalog.Report, error) {
	services, installed, err := s.servicesOf(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case len(services) == 0 && !installed:
		return nil, notInstalled(id)
	case len(services) == 0:
		s.fails.clear(id)
		return nil, nil //nolint:nilnil // nothing runs: a stop has no report
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := s.runner.Stop(ctx, services, nil); err != nil {
		return nil, failed(problem.StopFailed, id, err)
	}
	s.fails.clear(id)
	return nil, nil //nolint:nilnil // a stop has no report
}

// removeExtension removes the containers of an extension that is disabled or gone. Volumes and data stay.
func (s *Server) removeExtension(ctx context.Context, id string) (*catalog.Report, error) {
	services, _, err := s.servicesOf(ctx, id)
	if err == nil && len(services) > 0 {
		err = s.runner.Remove(ctx, services, nil)
	}
	if err == nil {
		err = s.opts.Engine.RemoveNetworks(ctx, id+".")
	}
	if err != nil {
		return nil, failed(problem.StopFailed, id, err)
	}
	s.fails.clear(id)
	return nil, s.forget(id)
}

// servicesOf lists the services of an extension by its containers, so that an extension whose files are broken
// or gone can still be turned off, and whether it has a folder. Core services are refused.
func (s *Server) servicesOf(ctx context.Context, id string) (services []string, installed bool, err error) {
	w, err := s.folders()
	if err != nil {
		return nil, false, err
	}
	defer w.close()
	if err := w.refuseCore(id); err != nil {
		return nil, false, err
	}
	containers, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return nil, false, err
	}
	started := s.startedServices(id)
	for _, c := range containers {
		own := compose.OwnsService(id, c.Service, w.rivals(id)) || slices.Contains(started, c.Service)
		if own && !w.isCore(c.Service) && !slices.Contains(services, c.Service) {
			services = append(services, c.Service)
		}
	}
	return services, slices.Contains(w.ids, id), nil
}

// startedServices are the extension's services in what was approved last. They are its own whatever folders have
// appeared since: an empty one with a longer name must not take them from it.
func (s *Server) startedServices(id string) []string {
	var file struct {
		Services map[string]yaml.Node `yaml:"services"`
	}
	data, err := os.ReadFile(s.approvedFile(id))
	if err != nil || yaml.Unmarshal(data, &file) != nil {
		return nil
	}
	var own []string
	for name := range file.Services { // what it depends on is there, too
		if compose.OwnsService(id, name, nil) {
			own = append(own, name)
		}
	}
	return own
}

// failed gives a docker failure its code and keeps what compose said. An empty id means the whole stack.
func failed(code problem.Code, id string, err error) error {
	var cmd *compose.CommandError
	if !errors.As(err, &cmd) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.Newf(code, "%sdocker compose %s took too long and was ended", of(id), cmd.Verb)
	}
	if strings.Contains(cmd.Reason, "Cannot connect to the Docker daemon") || strings.Contains(cmd.Reason, "failed to connect to the docker API") {
		return problem.Newf(problem.DockerUnavailable, "the Docker Engine does not answer: start it and try again (%w)", err)
	}
	if strings.Contains(cmd.Reason, "no space left on device") {
		return problem.Newf(problem.DiskFull, "%sDocker's disk is full: make room, for example with `docker image prune`, and try again (%w)", of(id), err)
	}
	return problem.Newf(code, "%s%w", of(id), err)
}

// of is the beginning of a sentence about the extension, or about the whole stack when id is empty.
func of(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf("extension %q: ", id)
}
