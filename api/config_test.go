package api_test

import (
	"strings"
	"testing"

	"dreamserver/internal/problem"
)

// A form for the variables, as a client fills it in.
func TestConfig_IsShownAndChanged(t *testing.T) {
	in := newInstallation(t)
	if rec := in.do("POST", "/api/extensions/hello/install", `{"values": {"HELLO_NAME": "Grace"}}`); rec.Code != 200 {
		t.Fatalf("install: %d %s", rec.Code, rec.Body)
	}
	in.agent.running("search", "hello")
	in.golden("config", in.do("GET", "/api/extensions/hello/config", ""))
	const secret = "s3cret-s3cret"
	rec := in.do("PUT", "/api/extensions/hello/config", `{"values": {"HELLO_NAME": "Ada", "HELLO_TOKEN": "`+secret+`"}, "restart": true}`)
	in.golden("config-changed", rec)
	if strings.Contains(rec.Body.String()+in.log.String(), secret) {
		t.Error("the secret is in the reply or the log")
	}
}

func TestConfig_Refuses(t *testing.T) {
	in := newInstallation(t)
	for _, tc := range []struct {
		method, path, body string
		code               problem.Code
		detail             string
	}{
		{"GET", "/api/extensions/No%20Id/config", "", problem.NotFound, "is no extension id"},
		{"PUT", "/api/extensions/hello/config", "", problem.InvalidArgument, "request body is required"},
		{"PUT", "/api/extensions/hello/config", `{"values": {"A": 1}}`, problem.InvalidParameter, "values.A: expected string"},
		{"PUT", "/api/extensions/hello/config", `{"values": ["s3cret"]}`, problem.InvalidParameter, "values: expected object"},
		{"PUT", "/api/extensions/hello/config", `{"value": {"A": "b"}}`, problem.InvalidBody, `the body changes nothing: send {"values": {"KEY": "value"}}, or unset or generate with a list of keys`},
		{"PUT", "/api/extensions/hello/config", `{"values": {"A": "` + strings.Repeat("x", 1<<20) + `"}}`, problem.BodyTooLarge, "larger than 1024 KiB"},
		{"POST", "/api/extensions/hello/install", `{"values": {"A": null}}`, problem.InvalidParameter, "values.A: expected string"},
	} {
		rec := in.do(tc.method, tc.path, tc.body)
		refused(t, rec, tc.code, tc.detail)
		if strings.Contains(rec.Body.String(), "s3cret") {
			t.Errorf("%s: the refusal repeats the value", tc.body)
		}
	}
	in.agent.setAway(problem.Newf(problem.AgentNoSocket, "the host agent is not running"))
	refused(t, in.do("GET", "/api/extensions/hello/config", ""), problem.AgentNoSocket, "not running")
	refused(t, in.do("PUT", "/api/extensions/hello/config", `{"unset": ["HELLO_NAME"]}`), problem.AgentNoSocket, "not running")
}
