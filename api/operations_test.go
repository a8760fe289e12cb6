package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamserver/catalog/operation"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// outcome waits for the end of the operation that a 202 names.
func (in *installation) outcome(location string) operation.Operation {
	in.t.Helper()
	id := strings.TrimPrefix(location, "/api/operations/")
	_, _ = in.manager.Outcome(in.t.Context(), id)
	rec := in.do("GET", location, "")
	if rec.Code != http.StatusOK {
		in.t.Fatalf("%s: %d %s", location, rec.Code, rec.Body)
	}
	return decode[operation.Operation](in.t, rec)
}

// accepted is the operation in a 202.
func accepted(t *testing.T, rec *httptest.ResponseRecorder) operation.Operation {
	t.Helper()
	var o operation.Operation
	if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil || rec.Code != http.StatusAccepted {
		t.Fatalf("%d %s, %v; want 202 and an operation", rec.Code, rec.Body, err)
	}
	return o
}

// settled waits until nothing goes on behind a reply.
func (in *installation) settled() {
	in.t.Helper()
	if err := in.manager.Wait(in.t.Context()); err != nil {
		in.t.Fatal(err)
	}
}

func TestChange_AnswersAtOnceWhereThatIsPreferred(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		action       string
		prepare      []string
	}{
		{"POST", "/api/extensions/hello/install", "installed", nil},
		{"POST", "/api/extensions/hello/disable", "disabled", []string{"POST /api/extensions/hello/install"}},
		{"POST", "/api/extensions/hello/enable", "enabled", []string{"POST /api/extensions/hello/install", "POST /api/extensions/hello/disable"}},
		{"POST", "/api/extensions/search/stop", "stopped", nil},
		{"POST", "/api/extensions/search/start", "started", nil},
		{"POST", "/api/extensions/search/restart", "restarted", nil},
		{"DELETE", "/api/extensions/hello", "uninstalled", []string{"POST /api/extensions/hello/install", "POST /api/extensions/hello/disable"}},
	} {
		t.Run(tc.action, func(t *testing.T) {
			in := newInstallation(t)
			for _, p := range tc.prepare {
				method, path, _ := strings.Cut(p, " ")
				if rec := in.do(method, path, ""); rec.Code != http.StatusOK {
					t.Fatalf("%s: %d %s", p, rec.Code, rec.Body)
				}
			}
			rec := in.do(tc.method, tc.path, "", "Prefer: wait=1, Respond-Async;x=y")
			if rec.Code != http.StatusAccepted || rec.Header().Get("Preference-Applied") != "respond-async" {
				t.Fatalf("%d %v %s", rec.Code, rec.Header(), rec.Body)
			}
			begun := accepted(t, rec)
			if location := rec.Header().Get("Location"); location != "/api/operations/"+begun.ID {
				t.Errorf("Location %q of operation %s", location, begun.ID)
			}
			o := in.outcome(rec.Header().Get("Location"))
			if o.State != operation.Succeeded || o.Result == nil || o.Result.Action != tc.action || !strings.HasPrefix(o.Actor, "key:") {
				t.Errorf("it came to %+v", o)
			}
			all := decode[struct{ Operations []operation.Operation }](t, in.do("GET", "/api/operations?limit=1", ""))
			if len(all.Operations) != 1 || all.Operations[0].ID != begun.ID {
				t.Errorf("the newest is %+v", all.Operations)
			}
			in.settled()
		})
	}
}

func TestChange_ThatFailsBehindTheReply(t *testing.T) {
	in := newInstallation(t)
	in.agent.onRun = func(context.Context) error { return problem.Newf(problem.PortTaken, "port 80 is taken") }
	rec := in.do("POST", "/api/extensions/hello/install", "", "Prefer: respond-async")
	o := in.outcome(rec.Header().Get("Location"))
	if rec.Code != http.StatusAccepted || o.State != operation.Failed || o.Error == nil || o.Error.Code != problem.PortTaken || o.Error.Detail != "port 80 is taken" {
		t.Errorf("%d, and it came to %+v", rec.Code, o)
	}
	// What can be refused at once is.
	refused(t, in.do("POST", "/api/extensions/nobody/install", "", "Prefer: respond-async"), problem.NotFound, "nobody")
	in.settled()
}

func TestChange_ARetryIsTheSameOperation(t *testing.T) {
	in := newInstallation(t)
	const header = "Idempotency-Key: 7d3e"
	first := in.do("POST", "/api/extensions/hello/install", "", header)
	again := in.do("POST", "/api/extensions/hello/install", "", header)
	if first.Code != http.StatusOK || again.Code != http.StatusOK || first.Body.String() != again.Body.String() {
		t.Errorf("%d %s, then %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	late := in.do("POST", "/api/extensions/hello/install", "", header, "Prefer: respond-async")
	if o := accepted(t, late); o.State != operation.Succeeded {
		t.Errorf("%d %s", late.Code, late.Body)
	}
	refused(t, in.do("POST", "/api/extensions/hello/disable", "", header), problem.InvalidParameter, "another request")
	refused(t, in.do("POST", "/api/extensions/hello/install", ""), problem.AlreadyInstalled, "already installed")
	refused(t, in.do("POST", "/api/extensions/hello/stop", "", "Idempotency-Key: "+strings.Repeat("x", 256)), problem.InvalidParameter, "Idempotency-Key")
}

func TestOperations_AreFoundAndCancelled(t *testing.T) {
	in := newInstallation(t)
	begun, stopped := make(chan struct{}), make(chan struct{})
	var once sync.Once
	in.agent.onRun = func(context.Context) error {
		close(begun)
		<-stopped
		return problem.Newf(problem.StartFailed, "it was told to stop")
	}
	in.agent.onStop = func() { once.Do(func() { close(stopped) }) }
	rec := in.do("POST", "/api/extensions/hello/install", "", "Prefer: respond-async")
	<-begun
	location := rec.Header().Get("Location")
	refused(t, in.do("POST", "/api/extensions/hello/install", ""), problem.Busy, strings.TrimPrefix(location, "/api/operations/"))
	if rec := in.do("POST", location+"/cancel", ""); rec.Code != http.StatusOK {
		t.Errorf("cancel: %d %s", rec.Code, rec.Body)
	}
	if o := in.outcome(location); o.State != operation.Cancelled || o.Error.Code != problem.Cancelled {
		t.Errorf("it came to %+v", o)
	}
	for query, want := range map[string]int{"?extension=hello": 1, "?extension=search": 0, "?state=cancelled": 1, "?state=running": 0} {
		if got := decode[struct{ Operations []operation.Operation }](t, in.do("GET", "/api/operations"+query, "")); len(got.Operations) != want {
			t.Errorf("%s: %d operations, want %d", query, len(got.Operations), want)
		}
	}
	refused(t, in.do("GET", "/api/operations?state=odd", ""), problem.InvalidParameter, "running")
	refused(t, in.do("GET", "/api/operations/nonsense", ""), problem.NotFound, "no id of an operation")
	refused(t, in.do("GET", "/api/operations/"+operation.NewID(), ""), problem.NotFound, "no operation")
	refused(t, in.do("POST", location+"/cancel", ""), problem.Conflict, "is cancelled")
	in.settled()
}

// The end of a log is for those who may read logs.
func TestOperations_ShowLogsToWhoMayReadThem(t *testing.T) {
	in := newInstallation(t)
	in.agent.onRun = func(context.Context) error {
		return problem.Newf(problem.StartFailed, "it exited").With(problem.Item{Rule: operation.RuleLog, Message: "hello: the password is hunter2"})
	}
	in.do("POST", "/api/extensions/hello/install", "")
	id := decode[struct{ Operations []operation.Operation }](t, in.do("GET", "/api/operations", "")).Operations[0].ID
	for scope, sees := range map[config.Scope]bool{config.ScopeRead: false, config.ScopeOperate: true} {
		header := "Authorization: Bearer " + in.addKey("k", scope, time.Time{})
		for _, path := range []string{"/api/operations", "/api/operations/" + id} {
			if text := in.do("GET", path, "", header).Body.String(); strings.Contains(text, "hunter2") != sees || !strings.Contains(text, "start_failed") {
				t.Errorf("%s sees of %s: %s", scope, path, text)
			}
		}
	}
	if _, _, data := in.listen("x").next(); strings.Contains(data, "hunter2") {
		t.Errorf("an event tells %s", data)
	}
}
