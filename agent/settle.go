package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

const (
	settlePoll  = 100 * time.Millisecond
	failureTail = 10 // log lines in the answer of a failed start
)

// settle looks at the containers until each is up, has finished its work, or is broken. `up -d` exits 0 for a
// container that dies a second later.
func (s *Server) settle(ctx context.Context, p *prepared, wait time.Duration) (*catalog.Report, error) {
	deadline := time.Now().Add(wait)
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		own, err := s.inspectAll(ctx, p)
		if err != nil {
			return nil, err
		}
		waiting, broken := s.judgeAll(own)
		broken = append(broken, p.missing(own)...)
		switch {
		case len(broken) > 0:
			return nil, s.startFailed(ctx, p, broken)
		case len(waiting) == 0 || time.Now().After(deadline):
			if len(waiting) == 0 {
				s.rememberAll(ctx, p)
			}
			return &catalog.Report{ID: p.id, Containers: own, Waiting: waiting, Notes: p.notes}, nil
		}
		select {
		case <-ctx.Done():
			return nil, problem.Newf(problem.StartFailed, "extension %q: ended while waiting for its containers: %w", p.id, ctx.Err())
		case <-tick.C:
		}
	}
}

func (s *Server) rememberAll(ctx context.Context, p *prepared) {
	all, err := s.opts.Engine.Containers(ctx)
	if err == nil {
		err = s.remember(p, all)
	}
	if err != nil { // only costs the next start its short cut
		s.log.Warn().Err(err).Str("extension", p.id).Msg("the start is not remembered")
	}
}

// inspectAll looks at the containers of the extension's own services.
func (s *Server) inspectAll(ctx context.Context, p *prepared) ([]compose.Container, error) {
	all, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return nil, err
	}
	own := []compose.Container{}
	for _, c := range all {
		if !slices.Contains(p.services, c.Service) {
			continue
		}
		full, err := s.opts.Engine.Inspect(ctx, c.ID)
		if errdefs.IsNotFound(err) {
			continue // removed in between
		}
		if err != nil {
			return nil, err
		}
		full.Ports = c.Ports
		own = append(own, full)
	}
	return own, nil
}

// brokenContainer is one that did not come up, and why.
type brokenContainer struct {
	compose.Container
	reason string
}

// judgeAll sorts the containers into those whose outcome is not known yet and those that are broken.
func (s *Server) judgeAll(own []compose.Container) (waiting []string, broken []brokenContainer) {
	for _, c := range own {
		switch outcome, reason := c.Judge(time.Now(), s.opts.Grace); {
		case outcome == compose.Broken:
			broken = append(broken, brokenContainer{c, reason})
		case !outcome.Settled():
			waiting = append(waiting, c.Service)
		}
	}
	return waiting, broken
}

// missing are the services that have no container although they are meant to have one.
func (p *prepared) missing(own []compose.Container) []brokenContainer {
	var none []brokenContainer
	for _, name := range p.services {
		svc := p.project.Services[name]
		if svc.GetScale() == 0 || slices.ContainsFunc(own, func(c compose.Container) bool { return c.Service == name }) {
			continue
		}
		none = append(none, brokenContainer{compose.Container{Name: name, Service: name}, "has no container: somebody removed it"})
	}
	return none
}

// startFailed is the answer for containers that were created and did not come up.
func (s *Server) startFailed(ctx context.Context, p *prepared, broken []brokenContainer) error {
	items := s.explain(ctx, p, broken)
	reasons := make([]string, 0, len(broken))
	for _, b := range broken {
		reasons = append(reasons, b.Name+" "+b.reason)
	}
	detail := fmt.Sprintf("extension %q was started and failed: %s", p.id, strings.Join(reasons, "; "))
	if last := items[len(items)-1]; last.Rule == operation.RuleLog {
		detail += operation.LogIntro + last.Message
	}
	return (&problem.Error{Code: problem.StartFailed, Detail: strings.TrimSpace(detail)}).With(items...)
}

// explain lists each broken container and the end of the log.
func (s *Server) explain(ctx context.Context, p *prepared, broken []brokenContainer) []problem.Item {
	var items []problem.Item
	containers := make([]compose.Container, 0, len(broken))
	for _, b := range broken {
		if b.ID != "" {
			containers = append(containers, b.Container)
		}
		items = append(items, problem.Item{
			Rule: "container", Severity: "error", Service: b.Service, Message: b.Name + " " + b.reason,
			Fix: fmt.Sprintf("read its log with `dream logs %s`, mend it, and run `dream start %s`", p.id, p.id),
		})
	}
	if lines, err := s.opts.Engine.Logs(ctx, containers, failureTail); err == nil && len(lines) > 0 {
		items = append(items, problem.Item{Rule: operation.RuleLog, Message: strings.TrimRight(compose.FormatLog(lines), "\n")})
	}
	return items
}
