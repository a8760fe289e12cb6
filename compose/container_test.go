package compose_test

import (
	"testing"
	"time"

	"dreamserver/compose"
)

func TestContainer_Judge(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const grace = 3 * time.Second
	young, old := now.Add(-time.Second), now.Add(-time.Hour)
	tests := []struct {
		name   string
		in     compose.Container
		want   compose.Outcome
		reason string
	}{
		{name: "healthy", in: compose.Container{State: "running", Health: "healthy", StartedAt: young}, want: compose.Ready},
		{name: "no healthcheck, old enough", in: compose.Container{State: "running", StartedAt: now.Add(-grace)}, want: compose.Ready},
		{name: "no healthcheck, young", in: compose.Container{State: "running", StartedAt: young}, want: compose.Starting},
		{name: "health not known yet", in: compose.Container{State: "running", Health: "starting", StartedAt: old}, want: compose.Starting},
		{name: "paused", in: compose.Container{State: "paused", StartedAt: old}, want: compose.Ready},
		{name: "ran once", in: compose.Container{State: "exited", OneShot: true}, want: compose.Finished},
		{
			name: "ran once and failed", in: compose.Container{State: "exited", OneShot: true, ExitCode: 2},
			want: compose.Broken, reason: "exited with code 2",
		},
		{name: "a service that ended", in: compose.Container{State: "exited"}, want: compose.Broken, reason: "exited with code 0"},
		{
			name: "with Docker's reason", in: compose.Container{State: "exited", ExitCode: 127, Error: "no such file: /serve"},
			want: compose.Broken, reason: "exited with code 127: no such file: /serve",
		},
		{name: "dead", in: compose.Container{State: "dead", ExitCode: 1}, want: compose.Broken, reason: "exited with code 1"},
		{
			name: "out of memory", in: compose.Container{State: "exited", ExitCode: 137, OOMKilled: true},
			want: compose.Broken, reason: "ran out of memory: raise deploy.resources.limits.memory",
		},
		{name: "never started", in: compose.Container{State: "created", Error: "port is already allocated"}, want: compose.Broken, reason: "never started: port is already allocated"},
		{name: "never started, nobody knows why", in: compose.Container{State: "created"}, want: compose.Broken, reason: "never started: Docker gave no reason"},
		{
			name: "restarting", in: compose.Container{State: "restarting", ExitCode: 1, Restarts: 1},
			want: compose.Broken, reason: "exited with code 1 and is being restarted",
		},
		{
			name: "was just restarted", in: compose.Container{State: "running", Restarts: 2, StartedAt: young},
			want: compose.Broken, reason: "died and was restarted (2 times so far)",
		},
		// A service that waited for its database in this way is well now.
		{name: "was restarted long ago", in: compose.Container{State: "running", Health: "healthy", Restarts: 2, StartedAt: old}, want: compose.Ready},
		{
			name: "unhealthy", in: compose.Container{State: "running", Health: "unhealthy", LastHealth: "trying\nconnection refused\n", StartedAt: old},
			want: compose.Broken, reason: "is unhealthy: connection refused",
		},
		{name: "unhealthy and silent", in: compose.Container{State: "running", Health: "unhealthy"}, want: compose.Broken, reason: "is unhealthy: its healthcheck fails"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := tt.in.Judge(now, grace)
			if got != tt.want || reason != tt.reason {
				t.Errorf("Judge = %s, %q; want %s, %q", got, reason, tt.want, tt.reason)
			}
			if got.Settled() != (tt.want != compose.Starting) {
				t.Errorf("%s: Settled = %t", got, got.Settled())
			}
		})
	}
}

func TestFormatLog(t *testing.T) {
	tests := []struct {
		name string
		in   []compose.LogLine
		want string
	}{
		{name: "nothing"},
		{name: "one service", in: []compose.LogLine{{Service: "web", Text: "a"}, {Service: "web", Text: ""}}, want: "a\n\n"},
		{name: "several", in: []compose.LogLine{{Service: "web", Text: "a"}, {Service: "web-db", Text: "b"}}, want: "web | a\nweb-db | b\n"},
	}
	for _, tt := range tests {
		if got := compose.FormatLog(tt.in); got != tt.want {
			t.Errorf("%s: FormatLog = %q, want %q", tt.name, got, tt.want)
		}
	}
}
