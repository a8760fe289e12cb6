package catalog_test

import (
	"errors"
	"testing"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
)

// How a program of the host fares, systemd says through the agent; without systemd nobody knows, and the reason says so.
func TestLive_AsksTheAgentForProgramsOfTheHost(t *testing.T) {
	in := newInstallation(t, "-- extensions/services/editor/manifest.yaml --\nschema_version: dream.services.v1\n"+
		"service: {id: editor, name: Editor, port: 3003, type: host-systemd, category: core}\n")
	in.agent.unit = func(id string) (health.Unit, error) {
		return health.Unit{LoadState: "loaded", ActiveState: "failed", Result: "oom-kill (" + id + ")"}, nil
	}
	in.live()
	fares := func(status, reason string) {
		in.await(func(s *catalog.Snapshot) bool {
			e, _ := s.Find("editor")
			return e.Runtime.Health == status && e.Runtime.HealthReason == reason
		})
	}
	fares("down", "its unit failed: oom-kill (editor)")

	in = newInstallation(t, "-- extensions/services/editor/manifest.yaml --\nschema_version: dream.services.v1\n"+
		"service: {id: editor, name: Editor, port: 3003, type: host-systemd, category: core}\n")
	in.agent.unit = func(string) (health.Unit, error) {
		return health.Unit{}, errors.New("there is no systemd on this machine")
	}
	in.live()
	fares("unknown", "systemd cannot be asked: there is no systemd on this machine")
}
