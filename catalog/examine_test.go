package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/security/drift"
)

// said are the findings of a check as "severity: title".
func said(r doctor.Report, check string) []string {
	var lines []string
	for _, f := range r.Checks {
		if f.ID == check {
			lines = append(lines, string(f.Severity)+": "+f.Title)
		}
	}
	return lines
}

func TestExamine_SaysWhatTheAgentTells(t *testing.T) {
	in := newInstallation(t, enabled("notes", "external_port_default: 7100"), "-- data/user-extensions/broken/manifest.yaml --\nschema_version: 7\n")
	in.agent.ping = func() (catalog.AgentStatus, error) {
		return catalog.AgentStatus{Available: true, Version: "2.1.0", Policies: "config/server/config.yml:3: no plugin x"}, nil
	}
	in.agent.machine = func() (catalog.HostFacts, error) {
		return catalog.HostFacts{
			OS: "linux", Arch: "amd64", Compose: "5.5.1", Engine: compose.EngineVersion{Version: "28.0.0", API: "1.48"},
			Disk: catalog.Disk{Path: "/srv", Total: 100 << 30, Free: 2 << 30}, DockerDisk: catalog.Disk{Path: "/var", Total: 100 << 30, Free: 50 << 30},
		}, nil
	}
	in.agent.containers = func() (catalog.State, error) {
		return catalog.State{Failures: map[string]string{"notes": "exited with status 3"}}, nil
	}
	in.agent.ports = func(ports []int) (catalog.PortUses, error) {
		var uses catalog.PortUses
		for _, p := range ports {
			uses.Ports = append(uses.Ports, catalog.PortUse{Port: p, InUse: p == 7100, Program: "nginx"})
		}
		return uses, nil
	}
	in.agent.compared = func() (catalog.Drift, error) {
		return catalog.Drift{Findings: []drift.Divergence{{What: "privileged", Message: "container notes: privileged on, and was approved with off"}}}, nil
	}
	in.Refresh(t.Context())
	r := in.Examine(t.Context())
	for check, want := range map[string][]string{
		"agent":    {"error: the policies are locked: nothing can be installed, enabled or started"},
		"docker":   {"ok: Docker Engine 28.0.0 answers (API 1.48)"},
		"compose":  {"ok: docker compose 5.5.1"},
		"disk":     {"warning: only 2.0 GiB free for the data directory (/srv)", "ok: 50 GiB free for Docker's images and volumes (/var)"},
		"gpu":      {"ok: GPU_BACKEND is cpu, and no GPU shows that could be used"},
		"settings": {"skipped: not to be seen from here: settings"},
		"drift":    {"error: container notes: privileged on, and was approved with off"},
		"starts":   {"error: notes does not run as it should"},
	} {
		if got := said(r, check); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", check, got, want)
		}
	}
	if got := said(r, "ports"); !slices.Contains(got, "error: port 7100 on 127.0.0.1 is taken by nginx") {
		t.Errorf("ports: %q, want who has 7100", got)
	}
	if got := strings.Join(said(r, "extensions"), "\n"); !strings.Contains(got, "broken") {
		t.Errorf("extensions: %q, want the one that is broken", got)
	}
	for _, f := range r.Checks {
		if strings.Contains(f.Fix, "kill 0") {
			t.Errorf("%s: %q ends nobody's program", f.Title, f.Fix)
		}
	}
}

func TestExamine_SkipsWhatNobodyTells(t *testing.T) {
	in := newInstallation(t)
	in.agent.goAway(errAway)
	in.Refresh(t.Context())
	r := in.Examine(t.Context())
	if r.Result != doctor.Error || r.Summary.Errors != 1 || r.Summary.OK != 1 {
		t.Errorf("%+v, want the agent as the one error and the extensions' files as what is right", r.Checks)
	}
	for _, f := range r.Checks {
		if f.Severity == doctor.OK && f.ID != "extensions" {
			t.Errorf("%s: %q, and nobody has looked", f.ID, f.Title)
		}
	}
}

func TestExamine_WantsNoPortThatNobodyPublishes(t *testing.T) {
	in := newInstallation(t, enabled("board"), enabled("notes"), enabled("web", "external_port_default: 8080"), enabled("page", "external_port_default: 8080"))
	in.agent.containers = func() (catalog.State, error) {
		return catalog.State{Containers: []compose.Container{{Service: "notes", State: "running"}}}, nil
	}
	in.agent.machine = func() (catalog.HostFacts, error) { return catalog.HostFacts{OS: "linux", Arch: "amd64"}, nil }
	in.agent.ports = func(ports []int) (catalog.PortUses, error) {
		var uses catalog.PortUses
		for _, p := range ports {
			uses.Ports = append(uses.Ports, catalog.PortUse{Port: p})
		}
		return uses, nil
	}
	in.Refresh(t.Context())
	want := []string{`error: port 8080 is wanted by "The page" and by "The web": only one of them can start`, "ok: ports that services publish: 0 ours, 1 free"}
	if got := said(in.Examine(t.Context()), "ports"); !slices.Equal(got, want) {
		t.Errorf("ports: %q, want %q: board's and notes' are in their containers", got, want)
	}
}
