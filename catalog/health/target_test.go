package health_test

import (
	"testing"
	"time"

	"dreamserver/catalog/health"
	"dreamserver/compose"
	"dreamserver/manifest"
)

func TestTarget(t *testing.T) {
	notes := manifest.Service{ID: "notes", Type: manifest.Docker, Port: 8080, Health: "/health", ExternalPortDefault: 7806}
	web := compose.Container{ID: "1", Service: "notes", State: "running"}
	db := compose.Container{ID: "2", Service: "notes-db", State: "running"}
	at := func(ports ...compose.Port) *compose.Container {
		c := web
		c.Ports = ports
		return &c
	}
	open := compose.Port{IP: "0.0.0.0", Host: 9000, Container: 8080, Protocol: "tcp"}
	open6 := compose.Port{IP: "::", Host: 9000, Container: 8080, Protocol: "tcp"}
	lan := compose.Port{IP: "192.168.1.5", Host: 9001, Container: 8080, Protocol: "tcp"}
	udp := compose.Port{IP: "0.0.0.0", Host: 9002, Container: 8080, Protocol: "udp"}
	want := func(change func(*health.Target)) health.Target {
		out := health.Target{ID: "notes", Desired: health.On, Known: true, Timeout: 5 * time.Second}
		change(&out)
		return out
	}
	tests := []struct {
		name  string
		facts health.Facts
		want  health.Target
	}{
		{
			name:  "inside",
			facts: health.Facts{Service: notes, Known: true, Inside: true, Containers: []compose.Container{web, db}},
			want: want(func(o *health.Target) {
				o.URL, o.Container, o.Helpers = "http://notes:8080/health", &web, []compose.Container{db}
			}),
		},
		{
			name:  "on the host, where Docker publishes it",
			facts: health.Facts{Service: notes, Known: true, Containers: []compose.Container{*at(udp, lan, open6, open)}, Env: map[string]string{"NOTES_PORT": "1"}},
			want: want(func(o *health.Target) {
				o.URL, o.Container, o.Helpers = "http://127.0.0.1:9000/health", at(udp, lan, open6, open), []compose.Container{}
			}),
		},
		{
			name:  "on the host, published for IPv6 alone",
			facts: health.Facts{Service: notes, Known: true, Containers: []compose.Container{*at(open6)}},
			want: want(func(o *health.Target) {
				o.URL, o.Container, o.Helpers = "http://[::1]:9000/health", at(open6), []compose.Container{}
			}),
		},
		{
			name:  "on the host, published on the LAN alone",
			facts: health.Facts{Service: notes, Known: true, Containers: []compose.Container{*at(lan)}},
			want: want(func(o *health.Target) {
				o.URL, o.Container, o.Helpers = "http://192.168.1.5:9001/health", at(lan), []compose.Container{}
			}),
		},
		{
			name:  "on the host, not published",
			facts: health.Facts{Service: notes, Known: true, Containers: []compose.Container{*at(udp)}},
			want: want(func(o *health.Target) {
				o.NoURL, o.Container, o.Helpers = "its port 8080 is not published on this machine", at(udp), []compose.Container{}
			}),
		},
		{
			name:  "the agent is away",
			facts: health.Facts{Service: notes, Containers: []compose.Container{web}},
			want:  want(func(o *health.Target) { o.URL, o.Known = "http://127.0.0.1:7806/health", false }),
		},
		{
			name:  "only a helper",
			facts: health.Facts{Service: notes, Known: true, Inside: true, Containers: []compose.Container{db}},
			want: want(func(o *health.Target) {
				o.URL, o.Helpers = "http://notes:8080/health", []compose.Container{db}
			}),
		},
		{
			name:  "of two containers, the one that runs",
			facts: health.Facts{Service: notes, Known: true, Inside: true, Containers: []compose.Container{{Service: "notes", State: "exited"}, web}},
			want: want(func(o *health.Target) {
				o.URL, o.Container, o.Helpers = "http://notes:8080/health", &web, []compose.Container{{Service: "notes", State: "exited"}}
			}),
		},
		{
			name:  "patience has an end",
			facts: health.Facts{Service: manifest.Service{ID: "notes", HealthTimeout: 3600}, Known: true},
			want:  want(func(o *health.Target) { o.NoURL, o.Timeout = "its manifest names no health path", 30*time.Second }),
		},
		{
			name:  "a program of the host",
			facts: health.Facts{Service: manifest.Service{ID: "notes", Type: manifest.HostSystemd, Port: 3003, Health: "/"}, Known: true},
			want:  want(func(o *health.Target) { o.OnHost = true }),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.facts.Desired = health.On
			wantEqual(t, "target", tt.want, tt.facts.Target())
		})
	}
}
