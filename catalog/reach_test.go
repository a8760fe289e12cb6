package catalog_test

import (
	"testing"

	"dreamserver/catalog"
	"dreamserver/compose"
)

func TestSnapshot_SaysWhereAnExtensionIsReached(t *testing.T) {
	at := func(state, service, ip string, host int) compose.Container {
		return compose.Container{State: state, Service: service, Ports: []compose.Port{{IP: ip, Host: host, Container: 8080, Protocol: "tcp"}}}
	}
	const env = "-- .env --\nNOTES_PORT=7100\n"
	tests := []struct {
		name string
		env  string
		have []compose.Container
		want catalog.Reach
	}{
		{name: "as its manifest says", want: catalog.Reach{Port: 7000, Path: "/app", Icon: "Notebook"}},
		{name: "as .env says", env: env, want: catalog.Reach{Port: 7100, Path: "/app", Icon: "Notebook"}},
		{name: ".env says no port", env: "-- .env --\nNOTES_PORT=high\n", want: catalog.Reach{Port: 7000, Path: "/app", Icon: "Notebook"}},
		{name: "as Docker says, for all", env: env, have: []compose.Container{at("running", "notes", "0.0.0.0", 7200)}, want: catalog.Reach{Port: 7200, Path: "/app", Icon: "Notebook"}},
		{name: "for this machine", have: []compose.Container{at("running", "notes", "127.0.0.1", 7200), at("running", "notes", "::1", 7200)}, want: catalog.Reach{Port: 7200, Local: true, Path: "/app", Icon: "Notebook"}},
		{name: "for this machine and another network", have: []compose.Container{at("running", "notes", "127.0.0.1", 7200), at("running", "notes", "192.168.1.5", 7200)}, want: catalog.Reach{Port: 7200, Path: "/app", Icon: "Notebook"}},
		{name: "a container that was stopped", have: []compose.Container{at("exited", "notes", "127.0.0.1", 7200)}, want: catalog.Reach{Port: 7000, Path: "/app", Icon: "Notebook"}},
		{name: "a helper's port", have: []compose.Container{at("running", "notes-web", "127.0.0.1", 7200)}, want: catalog.Reach{Port: 7200, Local: true, Path: "/app", Icon: "Notebook"}},
		{name: "its own before a helper's", have: []compose.Container{at("running", "notes-web", "127.0.0.1", 7300), at("running", "notes", "0.0.0.0", 7200)}, want: catalog.Reach{Port: 7200, Path: "/app", Icon: "Notebook"}},
		{name: "another port of it", have: []compose.Container{{State: "running", Service: "notes", Ports: []compose.Port{{IP: "127.0.0.1", Host: 9000, Container: 9000, Protocol: "tcp"}}}}, want: catalog.Reach{Port: 7000, Path: "/app", Icon: "Notebook"}},
		{name: "not published", have: []compose.Container{{State: "running", Service: "notes", Ports: []compose.Port{{Container: 8080, Protocol: "tcp"}}}}, want: catalog.Reach{Port: 7000, Path: "/app", Icon: "Notebook"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, tt.env+enabled("notes", "external_port_env: NOTES_PORT", "external_port_default: 7000", "ui_path: /app", "sidebar_icon: Notebook"))
			in.agent.containers = func() (catalog.State, error) { return catalog.State{Containers: tt.have}, nil }
			in.Refresh(t.Context())
			e, ok := in.Snapshot().Find("notes")
			if !ok || e.Reach != tt.want {
				t.Errorf("got %+v, want %+v", e.Reach, tt.want)
			}
		})
	}
}

func TestSnapshot_KnowsProgramsOfTheHost(t *testing.T) {
	in := newInstallation(t, enabled("notes", "type: host-systemd"), enabled("web"))
	for id, want := range map[string]bool{"notes": true, "web": false} {
		if e, _ := in.Snapshot().Find(id); e.OnHost != want {
			t.Errorf("%s: OnHost %v, want %v", id, e.OnHost, want)
		}
	}
}
