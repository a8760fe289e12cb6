package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// status is everything that a person looks at first.
type status struct {
	InstallDir  string              `json:"install_dir"`
	Version     string              `json:"version"`
	Dashboard   string              `json:"dashboard"` // its URL
	API         string              `json:"api"`
	Agent       catalog.AgentStatus `json:"agent"`
	Docker      string              `json:"docker_version,omitempty"`
	Compose     string              `json:"compose_version,omitempty"`
	GPUs        []gpu.Device        `json:"gpus"`
	GPUProblem  string              `json:"gpu_problem,omitempty"` // why nvidia-smi does not tell all
	Counts      catalog.Counts      `json:"summary"`
	Containers  []compose.Container `json:"containers"`
	Quarantined []quarantined       `json:"quarantined"` // what takes no part, and why
	Failed      map[string]string   `json:"failed"`      // extension → why its last start failed
	Pending     map[string]string   `json:"pending"`     // extension → the change that waits for the agent
}

type quarantined struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Aliases: []string{"s"},
		Short:   "Show the agent, Docker, what runs, and what does not and why",
		Long:    "The exit code is 3 when the host agent or Docker cannot be reached: then nobody knows what runs.",
		Args:    cobra.NoArgs,
		RunE:    a.action(func(ctx context.Context, _ []string) error { return a.status(ctx) }),
	}
}

func (a *app) status(ctx context.Context) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	s := in.status(ctx)
	if a.json {
		err = a.printJSON(s)
	} else {
		err = s.write(a.stdout)
	}
	switch {
	case err != nil:
		return err
	case !s.Agent.Available:
		return reported{problem.Newf(problem.Code(s.Agent.Code), "%s", s.Agent.Reason)}
	case s.Agent.Docker != "":
		return reported{problem.Newf(problem.DockerUnavailable, "%s", s.Agent.Docker)}
	}
	return nil
}

// status asks the agent, and answers from files alone while that is away.
func (in *installation) status(ctx context.Context) status {
	in.manager.Refresh(ctx)
	snapshot := in.manager.Snapshot()
	s := status{
		InstallDir: in.settings.InstallDir, Version: config.Version(),
		Dashboard:  fmt.Sprintf("http://127.0.0.1:%d", in.settings.DashboardPort),
		API:        fmt.Sprintf("http://127.0.0.1:%d", in.settings.APIPort),
		Agent:      snapshot.Agent,
		Counts:     catalog.Count(snapshot.Entries),
		GPUs:       []gpu.Device{},
		Containers: []compose.Container{},
		Failed:     map[string]string{},
		Pending:    map[string]string{},
	}
	for _, e := range snapshot.Entries {
		if e.Runtime.Pending != "" {
			s.Pending[e.ID] = e.Runtime.Pending
		}
	}
	skipped := snapshot.Skipped
	if s.Agent.Available {
		skipped = append(slices.Clone(skipped), in.ask(ctx, &s)...)
	}
	s.Quarantined = quarantine(snapshot, skipped)
	return s
}

// ask adds what only the agent knows. What it cannot answer stays empty; the agent's state says why.
func (in *installation) ask(ctx context.Context, s *status) []compose.Skip {
	if host, err := in.agent.Host(ctx); err == nil {
		s.Docker, s.Compose = host.Engine.Version, host.Compose
		s.GPUs, s.GPUProblem = append(s.GPUs, host.GPUs.Devices...), host.GPUs.NVIDIA.Problem
	}
	if state, err := in.agent.Containers(ctx); err == nil {
		s.Containers = append(s.Containers, state.Containers...)
		slices.SortFunc(s.Containers, func(a, b compose.Container) int { return cmp.Compare(a.Name, b.Name) })
		maps.Copy(s.Failed, state.Failures)
	}
	stack, err := in.agent.Stack(ctx)
	if err != nil {
		return nil
	}
	return stack.Skipped
}

// quarantine is what takes no part although somebody put it there, each once: several readers find the same.
func quarantine(s *catalog.Snapshot, skipped []compose.Skip) []quarantined {
	out := []quarantined{}
	add := func(id, reason string) {
		if reason != "" && !slices.ContainsFunc(out, func(q quarantined) bool { return q.ID == id }) {
			out = append(out, quarantined{id, reason})
		}
	}
	for _, skip := range skipped {
		if skip.Warning {
			add(cmp.Or(skip.ID, skip.Path), skip.Reason)
		}
	}
	for _, e := range s.Entries {
		add(e.ID, e.Problem)
	}
	slices.SortFunc(out, func(a, b quarantined) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (s *status) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }
	row("Installation\t%s", s.InstallDir)
	row("Version\t%s", s.Version)
	row("Dashboard\t%s", s.Dashboard)
	row("API\t%s", s.API)
	row("Host agent\t%s", s.agentText())
	row("Docker\t%s", s.dockerText())
	for _, d := range s.GPUs {
		row("GPU\t%s", gpuText(d))
	}
	if s.GPUProblem != "" {
		row("GPU\tnvidia-smi: %s", s.GPUProblem)
	}
	row("Services\t%d enabled, %d disabled, %d in the library", s.Counts.Enabled, s.Counts.Disabled, s.Counts.NotInstalled)
	if len(s.Containers) > 0 {
		row("\nCONTAINER\tSTATE\tHEALTH\tADDRESS")
		for _, c := range s.Containers {
			row("%s\t%s\t%s\t%s", c.Name, c.State, cmp.Or(c.Health, "-"), list(addresses([]compose.Container{c})))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	failed := map[string]string{}
	for id, reason := range s.Failed {
		failed[id] = withoutID(id, reason)
	}
	writeReasons(w, "Failed", failed)
	waiting := map[string]string{}
	for id, kind := range s.Pending {
		waiting[id] = kind + " waits for the host agent"
	}
	writeReasons(w, "Pending", waiting)
	broken := map[string]string{}
	for _, q := range s.Quarantined {
		broken[q.ID] = q.Reason
	}
	writeReasons(w, "Takes no part", broken)
	return nil
}

// gpuText is a GPU in a line. What it does not tell is left out.
func gpuText(d gpu.Device) string {
	parts := []string{d.Name}
	const gib = 1 << 30
	switch {
	case d.MemoryTotal != nil && d.MemoryUsed != nil:
		parts = append(parts, fmt.Sprintf("%.1f of %.1f GiB used", float64(*d.MemoryUsed)/gib, float64(*d.MemoryTotal)/gib))
	case d.MemoryTotal != nil:
		parts = append(parts, fmt.Sprintf("%.1f GiB", float64(*d.MemoryTotal)/gib))
	}
	if d.MemoryType == gpu.Unified {
		parts = append(parts, "shared with the CPU")
	}
	if d.Utilization != nil {
		parts = append(parts, fmt.Sprintf("%.0f %% busy", *d.Utilization))
	}
	if d.Temperature != nil {
		parts = append(parts, fmt.Sprintf("%.0f C", *d.Temperature))
	}
	return strings.Join(parts, ", ")
}

func (s *status) agentText() string {
	switch {
	case !s.Agent.Available:
		return "away: " + s.Agent.Reason + parenthesis(s.Agent.Code)
	case s.Agent.Policies != "":
		return "ok, but " + s.Agent.Policies
	case s.Agent.Mismatch != "":
		return "ok, but " + s.Agent.Mismatch
	}
	return "ok, " + s.Agent.Version
}

func (s *status) dockerText() string {
	switch {
	case !s.Agent.Available:
		return "not known while the host agent is away"
	case s.Agent.Docker != "":
		return s.Agent.Docker
	case s.Docker == "":
		return "ok"
	}
	return fmt.Sprintf("ok, Engine %s, compose %s", s.Docker, s.Compose)
}
