package health_test

import (
	"testing"

	"dreamserver/catalog/health"
	"dreamserver/manifest"
)

func TestAddress(t *testing.T) {
	notes := manifest.Service{
		ID: "notes", Port: 8080, Health: "/health", ExternalPortEnv: "NOTES_PORT", ExternalPortDefault: 7806, HostEnv: "NOTES_HOST",
	}
	with := func(change func(*manifest.Service)) manifest.Service {
		s := notes
		change(&s)
		return s
	}
	tests := []struct {
		name    string
		service manifest.Service
		env     map[string]string
		inside  bool
		want    string
		err     string
	}{
		{name: "inside", service: notes, inside: true, want: "http://notes:8080/health"},
		{name: "inside, by a name of its own", service: with(func(s *manifest.Service) { s.DefaultHost = "notes-web" }), inside: true, want: "http://notes-web:8080/health"},
		{name: "inside, at its health port", service: with(func(s *manifest.Service) { s.HealthPort = 9091 }), inside: true, want: "http://notes:9091/health"},
		{name: "inside, where .env says", service: notes, env: map[string]string{"NOTES_HOST": "big-machine.lan", "NOTES_PORT": "1"}, inside: true, want: "http://big-machine.lan:8080/health"},
		{name: "inside, at an IPv6 address", service: notes, env: map[string]string{"NOTES_HOST": "[fd00::1]"}, inside: true, want: "http://[fd00::1]:8080/health"},
		{name: "inside, a URL for a host", service: notes, env: map[string]string{"NOTES_HOST": "http://x:1"}, inside: true, err: "NOTES_HOST in .env is no host: write a name or an address, without http:// and port"},
		{name: "inside, a stranger's address", service: with(func(s *manifest.Service) { s.DefaultHost = "169.254.169.254" }), inside: true, err: "its manifest names the host 169.254.169.254, which is none of its own services: write default_host: notes"},
		{name: "inside, another's service", service: with(func(s *manifest.Service) { s.DefaultHost = "vault" }), inside: true, err: "its manifest names the host vault, which is none of its own services: write default_host: notes"},
		{name: "inside, a secret for a host", service: with(func(s *manifest.Service) { s.HostEnv = "DB_PASSWORD" }), env: map[string]string{"DB_PASSWORD": "hunter2"}, inside: true, err: "its manifest reads the host from DB_PASSWORD: only a variable whose name ends in _HOST can be one"},

		{name: "on the host", service: notes, want: "http://127.0.0.1:7806/health"},
		{name: "on the host, where .env says", service: notes, env: map[string]string{"NOTES_PORT": "9000", "NOTES_HOST": "elsewhere"}, want: "http://127.0.0.1:9000/health"},
		{name: "on the host, without a default", service: with(func(s *manifest.Service) { s.ExternalPortDefault = 0 }), want: "http://127.0.0.1:8080/health"},
		{name: "on the host, no port", service: notes, env: map[string]string{"NOTES_PORT": "s3cret"}, err: "NOTES_PORT in .env is no port: write a number from 1 to 65535"},
		{name: "on the host, a port too large", service: notes, env: map[string]string{"NOTES_PORT": "65536"}, err: "NOTES_PORT in .env is no port: write a number from 1 to 65535"},
		{name: "on the host, at another port than it publishes", service: with(func(s *manifest.Service) { s.HealthPort = 9091 }), err: "only Docker knows whether its health port 9091 is published on this machine"},

		{name: "no path", service: with(func(s *manifest.Service) { s.Health = "" }), inside: true, err: "its manifest names no health path"},
		{name: "no port", service: with(func(s *manifest.Service) { s.Port = 0 }), inside: true, err: "it listens on no port"},
		{name: "a query", service: with(func(s *manifest.Service) { s.Health = "/up?deep=1#top" }), inside: true, want: "http://notes:8080/up?deep=1"},
		{name: "a path that looks like a host", service: with(func(s *manifest.Service) { s.Health = "//evil/@x" }), inside: true, want: "http://notes:8080//evil/@x"},
		{name: "a path that is none", service: with(func(s *manifest.Service) { s.Health = "/%zz" }), inside: true, err: "its manifest's health path cannot be part of a URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := health.Address(tt.service, tt.env, tt.inside)
			text := ""
			if err != nil {
				text = err.Error()
			}
			wantEqual(t, "address", tt.want, got)
			wantEqual(t, "error", tt.err, text)
		})
	}
}
