package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/chainlog"
	"dreamserver/internal/problem"
	"dreamserver/security/policy/decisions"
)

// decided reads the log through the agent, the newest first.
func (in *installation) decided(f decisions.Filter) []decisions.Record {
	in.t.Helper()
	page, err := in.client.PolicyAudit(in.t.Context(), f)
	in.must(err)
	return page.Entries
}

func (in *installation) wholeLog() *chainlog.Report {
	in.t.Helper()
	r, err := decisions.Verify(in.path("state"), "")
	in.must(err)
	if !r.Whole() {
		in.t.Errorf("the log is not whole: %+v", r.Issues)
	}
	return r
}

// Every evaluation of a start is recorded, with what was allowed, and with no secret.
func TestDecisions_AreRecorded(t *testing.T) {
	const app = "services:\n  app:\n    image: example/app:1\n    environment: {APP_SECRET: \"${APP_SECRET:-}\"}\n"
	in := prepare(t, extension("app", app, "env_vars: [{key: APP_SECRET, secret: true}]"), extension("bad", "services:\n  bad: {image: \"example/bad:1\", hostname: bad}\n"))
	in.setEnv("APP_SECRET=hunter2-is-planted", "OTHER_TOKEN=planted-too")
	in.policies(`plugins: [talker, {name: require_digest, mode: audit}]
rules:
- {name: tags, set: {services.*.labels.was: "spec.services[service].?environment.?APP_SECRET.orValue('none')"}}
- {name: no-bad, match: "spec.services.exists(s, spec.services[s].?hostname.orValue('') == 'bad')", deny: "not that"}
exceptions:
- {plugin: no-bad, extension: app, reason: why not, expires: 2999-01-01}
`, map[string]string{"talker": `echo '{"error":null,"warnings":["OTHER_TOKEN is planted-too"]}'`})
	in.serve()
	ctx := catalog.WithRequestID(catalog.WithActor(t.Context(), "key:laptop"), "request-1")
	_, err := in.client.Start(ctx, "app", catalog.Starting{}, nil)
	in.must(err)
	_, err = in.start("bad")
	in.wantRefusal(err, problem.PolicyDenied, `extension "bad" is refused by policy no-bad: not that`)
	_, err = in.client.Check(t.Context(), "bad", false)
	in.wantRefusal(err, problem.PolicyDenied, `…not that`)
	_, err = in.client.Check(t.Context(), "app", false)
	in.must(err) // a plan that nobody refuses is not recorded

	var got []string
	for _, r := range in.decided(decisions.Filter{}) {
		line := fmt.Sprintf("%s %s %s %s %s", r.Phase, r.Operation, r.Extension, r.Outcome, r.Code)
		for _, d := range r.Decisions {
			if d.Hook == "on_service_apply" {
				line += fmt.Sprintf(" %s:%s", d.Plugin, d.Outcome)
			}
		}
		got = append(got, strings.TrimSpace(line))
	}
	wantEqual(t, "records", []string{
		"plan check bad rejected policy_denied talker:accepted require_digest:rejected tags:changed no-bad:rejected",
		"apply start bad rejected policy_denied talker:accepted require_digest:rejected tags:changed no-bad:rejected",
		"apply start app changed  talker:accepted require_digest:rejected tags:changed no-bad:accepted",
		"load start  loaded",
	}, got)
	first := in.decided(decisions.Filter{Extension: "app"})[0]
	c := first.Changes[0]
	if first.User != "key:laptop" || first.RequestID != "request-1" || first.Peer == "" || len(first.Digest) != 64 || first.Decisions[0].Digest == "" ||
		c.Path != "services.app.labels" || c.Plugin != "tags" || fmt.Sprint(c.After) != "map[was:«secret:APP_SECRET»]" {
		t.Errorf("%+v", first)
	}
	loaded := in.decided(decisions.Filter{Outcome: decisions.Loaded})[0].Policies
	if loaded == nil || len(loaded.Plugins) != 2 || len(loaded.Rules) != 2 || len(loaded.Exceptions) != 1 || len(loaded.Config) != 64 {
		t.Errorf("loaded %+v", loaded)
	}
	status, err := in.client.PolicyStatus(t.Context())
	in.must(err)
	wantEqual(t, "counts", map[string]int{"changed": 1, "rejected": 1}, status.Counts.Decisions)
	if status.Head == nil || status.Head.Hash != in.wholeLog().Head.Hash || status.Locked || status.Plugins[1].Mode != "audit" || status.Plugins[0].OnError != "deny" {
		t.Errorf("status %+v", status)
	}
	files, err := filepath.Glob(in.path("state/decisions/*"))
	in.must(err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		in.must(err)
		if bytes.Contains(data, []byte("hunter2")) || bytes.Contains(data, []byte("planted-too")) {
			t.Errorf("a secret is in %s:\n%s", name, data)
		}
		wantEqual(t, "mode", "-rw-------", modeOf(t, name))
	}
	code, body := in.request("GET", "/v1/policy/audit?outcome=denied", "")
	if code != 400 && code != 422 || !strings.Contains(body, "is none of accepted") {
		t.Errorf("%d %s", code, body)
	}
}

// An exception that is used is named.
func TestDecisions_NameTheException(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.policies("plugins: [require_digest]\nexceptions:\n- {plugin: require_digest, extension: app, reason: no digests there, expires: 2999-01-01}\n", nil)
	in.serve()
	in.mustStart("app")
	r := in.decided(decisions.Filter{Outcome: "excepted"})
	if len(r) != 1 || r[0].Outcome != "excepted" || r[0].Decisions[0].Exception == nil || r[0].Decisions[0].Exception.Reason != "no digests there" {
		t.Errorf("%+v", r)
	}
}

// A locked agent says why in its record, and records what it refuses.
func TestDecisions_RecordALock(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.policies("plugins: [nobody]\n", nil)
	in.serve()
	_, err := in.start("app")
	in.wantRefusal(err, problem.PolicyLocked, "policies are locked, …")
	all := in.decided(decisions.Filter{})
	if len(all) != 2 || all[1].Outcome != decisions.Locked || !strings.Contains(all[1].Message, "plugin nobody cannot be loaded") || all[0].Outcome != "failed" || all[0].Code != "policy_locked" {
		t.Errorf("%+v", all)
	}
	status, err := in.client.PolicyStatus(t.Context())
	in.must(err)
	if !status.Locked || !strings.Contains(status.Reason, "plugin nobody") {
		t.Errorf("%+v", status)
	}
}

// Without policies there is nothing to record.
func TestDecisions_WithoutPoliciesThereIsNoLog(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	wantEqual(t, "records", 0, len(in.decided(decisions.Filter{})))
	if _, err := os.Stat(in.path("state/decisions")); !os.IsNotExist(err) {
		t.Errorf("there is a log: %v", err)
	}
}

// What cannot be recorded is not started; turning off asks no log.
func TestDecisions_WhatCannotBeRecordedIsNotStarted(t *testing.T) {
	in := prepare(t, extension("app", ""), extension("other", ""))
	in.policies("rules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n", nil)
	in.serve()
	in.mustStart("app")
	in.must(in.stop())
	in.must(os.RemoveAll(in.path("state/decisions")))
	in.must(os.WriteFile(in.path("state/decisions"), nil, 0o600)) // a disk that takes nothing
	in.serve()
	_, err := in.start("other")
	in.wantRefusal(err, problem.PolicyUnavailable, `extension "other": what its policies decided cannot be recorded, and what is not recorded is not started: …`)
	wantEqual(t, "containers", map[string]string{"app": "running"}, in.docker.services())
	in.must(in.client.Stop(t.Context(), "app"))
	in.must(in.client.Remove(t.Context(), "app"))
	in.log.wait(t, "the log of decisions cannot be written")
}

// An agent that was killed in the middle of a line leaves a piece of it. The next one seals it, says so, and goes on.
func TestDecisions_OutliveAKillInTheMiddleOfALine(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.policies("rules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n", nil)
	in.serve()
	in.mustStart("app")
	in.must(in.stop())
	name := in.path("state/decisions/000001.jsonl")
	data, err := os.ReadFile(name)
	in.must(err)
	in.must(os.WriteFile(name, data[:len(data)-100], 0o600))
	if r := in.wholeLog(); r.Torn == nil || r.Records != 1 {
		t.Errorf("%+v", r)
	}
	in.serve()
	in.log.wait(t, "the log of decisions ended in the middle of a line")
	in.mustStart("app")
	if r := in.wholeLog(); r.Torn != nil || len(r.Sealed) != 1 || r.Records != 3 {
		t.Errorf("%+v", r)
	}
	wantEqual(t, "records", 3, len(in.decided(decisions.Filter{Since: time.Now().Add(-time.Hour)})))
}
