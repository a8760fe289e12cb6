package health_test

import (
	"fmt"
	"slices"
	"testing"

	"dreamserver/catalog/health"
	"dreamserver/compose"
)

func TestJudge(t *testing.T) {
	container := func(c compose.Container) *compose.Container { return &c }
	up := compose.Container{State: "running"}
	refused := health.Result{Outcome: health.Refused, Words: "connection refused at notes:80"}
	busy := health.Result{Outcome: health.ServerError, Words: "answers 503 at /health"}
	missing := health.Result{Outcome: health.ClientError, Words: "answers 404 at /health"}
	slow := health.Result{Outcome: health.TimedOut, Words: "no answer within 5 s"}
	noName := health.Result{Outcome: health.NoName, Words: "the name notes is not known: no container of it runs"}
	fine := health.Result{Outcome: health.Answered}
	tests := []struct {
		name      string
		off       bool
		away      bool // nobody knows the containers
		container *compose.Container
		helpers   []compose.Container
		noURL     string
		result    health.Result // pending unless said otherwise
		young     bool
		want      health.Verdict
	}{
		{name: "it answers", container: container(up), result: fine, want: health.Verdict{Status: "healthy"}},
		{name: "it has not been asked", container: container(up), want: health.Verdict{Status: "unknown", Reason: "it has not been asked yet"}},
		{name: "it answers an error", container: container(up), result: busy, want: health.Verdict{Status: "unhealthy", Reason: "answers 503 at /health"}},
		{name: "it is slow", container: container(up), result: slow, want: health.Verdict{Status: "degraded", Reason: "no answer within 5 s"}},
		{name: "nobody listens", container: container(up), result: refused, want: health.Verdict{Status: "down", Reason: "connection refused at notes:80"}},
		{name: "its name is not known although it runs", container: container(up), result: noName, want: health.Verdict{Status: "unknown", Reason: "its container runs, but its name is not known where the question comes from"}},
		{name: "our own trouble is not the service's", container: container(up), result: health.Result{Outcome: health.Unable, Words: "no connection can be made: too many open files"}, want: health.Verdict{Status: "unknown", Reason: "it could not be asked: no connection can be made: too many open files"}},
		{name: "nothing to ask", container: container(up), noURL: "its manifest names no health path", want: health.Verdict{Status: "unknown", Reason: "its container runs, but has no healthcheck, and it is not asked: its manifest names no health path"}},

		{name: "young, and not asked yet", young: true, container: container(up), want: health.Verdict{Status: "starting", Reason: "its container has just started"}},
		{name: "young, and nobody listens yet", young: true, container: container(up), result: refused, want: health.Verdict{Status: "starting", Reason: "its container has just started: connection refused at notes:80"}},
		{name: "young, and it answers", young: true, container: container(up), result: fine, want: health.Verdict{Status: "healthy"}},

		{name: "its healthcheck passes", container: container(compose.Container{State: "running", Health: "healthy"}), want: health.Verdict{Status: "healthy"}},
		{name: "its healthcheck passes, and its health path is wrong", container: container(compose.Container{State: "running", Health: "healthy"}), result: missing, want: health.Verdict{Status: "healthy"}},
		{name: "its healthcheck passed when it was last made", container: container(compose.Container{State: "running", Health: "healthy"}), result: refused, want: health.Verdict{Status: "degraded", Reason: "its healthcheck passes, but a request fails: connection refused at notes:80"}},
		{name: "its healthcheck is out", container: container(compose.Container{State: "running", Health: "starting"}), result: fine, want: health.Verdict{Status: "starting", Reason: "its healthcheck has not passed yet"}},
		{name: "its healthcheck fails", container: container(compose.Container{State: "running", Health: "unhealthy", LastHealth: "trying\n\x1b[31mno {probe}\n"}), result: fine, want: health.Verdict{Status: "unhealthy", Reason: "its container fails its healthcheck: [31mno {probe}"}},
		{name: "a word of Docker that we do not know", container: container(compose.Container{State: "running", Health: "well"}), result: fine, want: health.Verdict{Status: "healthy"}},

		{name: "no container", want: health.Verdict{Status: "not_deployed", Reason: "it has no container"}},
		{name: "never started", container: container(compose.Container{State: "created", Error: "no such device"}), want: health.Verdict{Status: "down", Reason: "its container was made and never started: no such device"}},
		{name: "ends again and again", container: container(compose.Container{State: "restarting", ExitCode: 3}), want: health.Verdict{Status: "down", Reason: "its container ended with exit code 3 and is being restarted"}},
		{name: "died", container: container(compose.Container{State: "exited", ExitCode: 1}), want: health.Verdict{Status: "down", Reason: "its container ended with exit code 1"}},
		{name: "out of memory", container: container(compose.Container{State: "exited", ExitCode: 137, OOMKilled: true}), want: health.Verdict{Status: "down", Reason: "its container ran out of memory: raise deploy.resources.limits.memory"}},
		{name: "stopped", container: container(compose.Container{State: "exited", ExitCode: 143}), want: health.Verdict{Status: "down", Reason: "its container is stopped"}},
		{name: "paused", container: container(compose.Container{State: "paused"}), want: health.Verdict{Status: "down", Reason: "its container is paused"}},
		{name: "being removed", container: container(compose.Container{State: "removing"}), want: health.Verdict{Status: "down", Reason: "its container is being removed"}},
		{name: "runs once, and has", container: container(compose.Container{State: "exited", OneShot: true}), noURL: "it listens on no port", want: health.Verdict{Status: "healthy"}},
		{name: "should serve, and ended", container: container(compose.Container{State: "exited", OneShot: true}), want: health.Verdict{Status: "down", Reason: "its container has done its work and ended, so that nothing answers"}},

		{name: "switched off", off: true, want: health.Verdict{Status: "not_deployed", Reason: "it is switched off"}},
		{name: "switched off, and stopped", off: true, container: container(compose.Container{State: "exited", ExitCode: 1}), want: health.Verdict{Status: "not_deployed", Reason: "it is switched off"}},
		{name: "switched off, and still there", off: true, container: container(up), result: busy, want: health.Verdict{Status: "unhealthy", Reason: "answers 503 at /health"}},
		{name: "switched off, and nobody knows", off: true, away: true, want: health.Verdict{Status: "unknown", Reason: "it is switched off, and nobody can tell whether its container still runs"}},

		{name: "the agent is away, and it answers", away: true, result: fine, want: health.Verdict{Status: "healthy"}},
		{name: "the agent is away, and nobody listens", away: true, result: refused, want: health.Verdict{Status: "down", Reason: "connection refused at notes:80"}},
		{name: "the agent is away, and its name is gone", away: true, result: noName, want: health.Verdict{Status: "not_deployed", Reason: "the name notes is not known: no container of it runs"}},
		{name: "the agent is away, and there is nothing to ask", away: true, noURL: "it listens on no port", want: health.Verdict{Status: "unknown", Reason: "nobody can tell whether its container runs, and it is not asked: it listens on no port"}},

		{name: "a helper restarts", container: container(up), result: fine, helpers: []compose.Container{{Service: "notes-db", State: "restarting", ExitCode: 1}}, want: health.Verdict{Status: "degraded", Reason: "its helper notes-db ended with exit code 1 and is being restarted"}},
		{name: "helpers that start, are stopped or have finished", container: container(up), result: fine, helpers: []compose.Container{{State: "running", Health: "starting"}, {State: "exited", ExitCode: 143}, {State: "exited", OneShot: true}}, want: health.Verdict{Status: "healthy"}},
		{name: "only helpers", helpers: []compose.Container{{Service: "notes-db", State: "running"}}, want: health.Verdict{Status: "not_deployed", Reason: "it has no container"}},
		{name: "its own trouble before its helper's", container: container(up), result: slow, helpers: []compose.Container{{Service: "notes-db", State: "exited", ExitCode: 1}}, want: health.Verdict{Status: "degraded", Reason: "no answer within 5 s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := health.Target{ID: "notes", Desired: health.On, Known: !tt.away, Container: tt.container, Helpers: tt.helpers, URL: "http://notes:80/health", NoURL: tt.noURL}
			if tt.off {
				target.Desired = health.Off
			}
			if tt.noURL != "" {
				target.URL = ""
			}
			wantEqual(t, "verdict", tt.want, health.Judge(target, tt.result, tt.young))
		})
	}
}

// containerOf makes the container that is in a condition.
func containerOf(c health.Condition, check health.Check) *compose.Container {
	out := compose.Container{State: string(c)}
	switch c {
	case health.Unseen, health.Absent:
		return nil
	case health.Young:
		out.State = "running"
	case health.Stopped:
		out.State, out.ExitCode = "exited", 143
	case health.Finished:
		out.State, out.OneShot = "exited", true
	case health.Failed:
		out.State, out.ExitCode = "exited", 1
	}
	if check != health.CheckNone {
		out.Health = string(check)
	}
	return &out
}

// Every combination is judged, a reason is there exactly where something is wrong, and each row of the table is the
// first that fits something.
func TestTable_IsCompleteAndHasNoIdleRow(t *testing.T) {
	used := map[string]bool{}
	for _, desired := range []health.Desired{health.On, health.Off} {
		for _, condition := range health.Conditions {
			for _, check := range health.Checks {
				for _, outcome := range health.Outcomes {
					target := health.Target{Desired: desired, Known: condition != health.Unseen, Container: containerOf(condition, check), URL: "http://notes/"}
					result := health.Result{Outcome: outcome, Words: "W"}
					if outcome == health.NoProbe {
						target.URL, target.NoURL = "", "W"
					}
					v := health.Judge(target, result, condition == health.Young)
					if (v.Status == health.Healthy) != (v.Reason == "") {
						t.Errorf("%s, container %s, healthcheck %s, probe %s: %+v", desired, condition, check, outcome, v)
					}
					used[fmt.Sprint(firstFit(t, desired, condition, target, outcome))] = true
				}
			}
		}
	}
	for i, row := range health.Table {
		if !used[fmt.Sprint(i)] {
			t.Errorf("no case reaches row %d: %+v", i, row)
		}
	}
}

// firstFit reads the table a second time, without the code that is tested.
func firstFit(t *testing.T, d health.Desired, c health.Condition, target health.Target, o health.Outcome) int {
	t.Helper()
	check := health.CheckNone
	if target.Container != nil && target.Container.Health != "" {
		check = health.Check(target.Container.Health)
	}
	for i, row := range health.Table {
		if row.Desired != "" && row.Desired != d || !listed(row.Container, c) || !listed(row.Docker, check) || !listed(row.Probe, o) {
			continue
		}
		if got := health.Judge(target, health.Result{Outcome: o}, c == health.Young).Status; got != row.Status {
			t.Errorf("row %d says %s, Judge %s", i, row.Status, got)
		}
		return i
	}
	t.Fatalf("no row fits %s, %s, %s, %s", d, c, check, o)
	return -1
}

func listed[T comparable](list []T, v T) bool {
	return len(list) == 0 || slices.Contains(list, v)
}

func TestJudge_AProgramOfTheHost(t *testing.T) {
	unit := func(load, active, result string) health.Result {
		return health.Result{Outcome: health.Answered, Unit: health.Unit{LoadState: load, ActiveState: active, Result: result}}
	}
	tests := []struct {
		name   string
		off    bool
		result health.Result
		want   health.Verdict
	}{
		{name: "runs", result: unit("loaded", "active", "success"), want: health.Verdict{Status: "healthy"}},
		{name: "reloads", result: unit("loaded", "reloading", ""), want: health.Verdict{Status: "healthy"}},
		{name: "starts", result: unit("loaded", "activating", ""), want: health.Verdict{Status: "starting", Reason: "systemd is starting it"}},
		{name: "is off", result: unit("loaded", "inactive", "success"), want: health.Verdict{Status: "down", Reason: "its unit is inactive"}},
		{name: "failed", result: unit("loaded", "failed", "oom-kill"), want: health.Verdict{Status: "down", Reason: "its unit failed: oom-kill"}},
		{name: "is missing", result: unit("not-found", "inactive", ""), want: health.Verdict{Status: "not_deployed", Reason: "systemd has no unit for it"}},
		{name: "is masked", result: unit("masked", "inactive", ""), want: health.Verdict{Status: "not_deployed", Reason: "its unit is masked: systemctl unmask lets it start"}},
		{name: "is in a state of tomorrow", result: unit("loaded", "maintenance", ""), want: health.Verdict{Status: "unknown", Reason: "systemd says of it: maintenance"}},
		{name: "is not asked yet", want: health.Verdict{Status: "unknown", Reason: "it has not been asked yet"}},
		{name: "is not answered for", result: health.Result{Outcome: health.Unable, Words: "systemd cannot be asked: the agent is away"}, want: health.Verdict{Status: "unknown", Reason: "systemd cannot be asked: the agent is away"}},
		{name: "is switched off", off: true, result: unit("loaded", "active", ""), want: health.Verdict{Status: "not_deployed", Reason: "it is switched off"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := health.Target{ID: "desk", Desired: health.On, OnHost: true, Known: true}
			if tt.off {
				target.Desired = health.Off
			}
			wantEqual(t, "verdict", tt.want, health.Judge(target, tt.result, false))
		})
	}
}
