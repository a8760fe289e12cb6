package operation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

// A record is bounded whatever an error says, and the end of a log is apart: not everybody may read it.
func TestNewFailure_IsBoundedAndHasTheLogApart(t *testing.T) {
	log := strings.Repeat("<secret words>\n", 5000)
	err := problem.Newf(problem.StartFailed, "%s", `extension "notes" was started and failed: it exited`+operation.LogIntro+log)
	for range 500 {
		err = err.With(problem.Item{Message: strings.Repeat("<", 9000)})
	}
	err = err.With(problem.Item{Rule: operation.RuleLog, Message: log})
	f := operation.NewFailure(err)
	data, _ := json.Marshal(f)
	if len(data) > 2<<20 || len(f.Errors) > 100 || f.Detail != `extension "notes" was started and failed: it exited` || !strings.HasSuffix(log, strings.TrimPrefix(f.Log, "…")) {
		t.Errorf("%d bytes, %d causes, detail %.80q, log of %d", len(data), len(f.Errors), f.Detail, len(f.Log))
	}
	o := operation.Operation{Error: f}
	data, _ = json.Marshal(o.WithoutLog())
	if strings.Contains(string(data), "secret words") || o.Error.Log == "" {
		t.Error("the log is not apart")
	}
	again := problem.As(f.Err())
	if !strings.Contains(again.Detail, operation.LogIntro) || again.Items[len(again.Items)-1].Rule != operation.RuleLog {
		t.Errorf("as an error it is %.200q", again.Detail)
	}
}
