package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/agent"
	"dreamserver/internal/problem"
	"dreamserver/security/policy"
)

// Who asks whom: a plugin of the config is asked by the agent, any other by the program itself, about the agent's question.
func TestPolicyEval_AsksTheAgent(t *testing.T) {
	var asked []agent.EvalRequest
	f := &fakeAgent{eval: func(_ context.Context, r agent.EvalRequest) (policy.Exchange, error) {
		asked = append(asked, r)
		if r.ServiceID == "ghost" {
			return policy.Exchange{}, problem.Newf(problem.NotFound, `extension "ghost" is not installed`)
		}
		q := policy.Request{User: "cli:alice", Hook: policy.OnService, Spec: policy.Spec{
			"kind": "service", "id": r.ServiceID, "services": map[string]any{"notes": map[string]any{"image": "example/notes:1", "environment": map[string]any{"K": "«secret:K»"}}},
		}}
		if r.Plugin == "" {
			return policy.Exchange{Request: q}, nil
		}
		return policy.Exchange{Plugin: policy.Info{Name: r.Plugin}, Request: q, Response: &policy.Response{Error: "not here", Warnings: []string{"soon"}}}, nil
	}}
	d := newDesk(t, f)
	file := filepath.Join(d.dir, policy.ConfigFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("plugins: [house]\nrules: [{name: digests, match: 'true', deny: x}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		code   int
		plugin string // that the agent asks
		stdout string
	}{
		{"--plugin house --extension notes", 2, "house", "house (on_service_apply) refuses notes, in 0s\n  not here\n  warning: soon\n"},
		{"--plugin digests --extension notes", 2, "digests", "digests (on_service_apply) refuses notes, in 0s\n"},
		{"--plugin house --extension notes --print", 2, "house", `{"user":"cli:alice",`},
		{"--plugin require_digest --extension notes", 2, "", "require_digest (on_service_apply) refuses notes, in "},
		{"--extension notes --print", 0, "", `{"user":"cli:alice","project":"","spec":{"id":"notes","kind":"service","services":{"notes":{"environment":{"K":"«secret:K»"}`},
		{"--plugin house --extension ghost", 1, "house", ""},
	} {
		asked = nil
		got := d.run(append([]string{"policy", "eval"}, strings.Fields(tt.args)...)...)
		if got.Code != tt.code || !strings.HasPrefix(got.Stdout, tt.stdout) || len(asked) != 1 || asked[0].Plugin != tt.plugin {
			t.Errorf("%s: %+v\nasked %+v", tt.args, got, asked)
		}
	}
	got := d.run("policy", "eval", "--plugin", "house", "--extension", "notes", "--json")
	var x evaluated
	if err := json.Unmarshal([]byte(got.Stdout), &x); err != nil || got.Code != 2 || x.Outcome != policy.Rejected || x.Response.Error != "not here" {
		t.Errorf("--json: %+v, %v", got, err)
	}
	if err := os.WriteFile(file, []byte("plugins: [x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := d.run("policy", "eval", "--plugin", "house", "--extension", "notes"); got.Code != 1 || !strings.Contains(got.Stderr, "config/server/config.yml: yaml:") {
		t.Errorf("a config that is broken: %+v", got)
	}
}
