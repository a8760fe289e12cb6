package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"dreamserver/catalog/operation"
)

// cmdProgress waits until the pull of an operation is between two numbers of MB: progress PATH MORE_THAN AT_MOST.
func cmdProgress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: progress PATH MORE_THAN AT_MOST")
	}
	low, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	high, err := strconv.ParseInt(args[2], 10, 64)
	ts.Check(err)
	s := stackOf(ts)
	var last string
	if !within(func() bool {
		var o operation.Operation
		_, last, err = s.request(http.MethodGet, args[0], s.key)
		ts.Check(err)
		ts.Check(json.Unmarshal([]byte(last), &o))
		if len(o.Stages) == 0 {
			return false
		}
		now := o.Stages[len(o.Stages)-1]
		return now.Name == "pull" && now.Bytes > low<<20 && now.Bytes <= high<<20 && now.Total >= now.Bytes && o.State == operation.Running
	}) {
		ts.Fatalf("the pull never had more than %s and at most %s MB:\n%s", args[1], args[2], last)
	}
}

// cmdOperation puts the path of the newest operation of an extension into a variable: operation VARIABLE EXTENSION.
func cmdOperation(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: operation VARIABLE EXTENSION")
	}
	s := stackOf(ts)
	_, text, err := s.request(http.MethodGet, "/api/operations?limit=1&extension="+args[1], s.key)
	ts.Check(err)
	var newest struct {
		Operations []operation.Operation `json:"operations"`
	}
	ts.Check(json.Unmarshal([]byte(text), &newest))
	if len(newest.Operations) != 1 {
		ts.Fatalf("%s has no operation: %s", args[1], text)
	}
	ts.Setenv(args[0], "/api/operations/"+newest.Operations[0].ID)
}

// cmdClient asks for something and leaves before it is answered: client asks METHOD PATH, client leaves.
func cmdClient(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	switch {
	case !neg && len(args) == 3 && args[0] == "asks":
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan string, 1)
		req, err := http.NewRequestWithContext(ctx, args[1], "http://"+s.api.addr+args[2], nil)
		ts.Check(err)
		req.Header.Set("Authorization", "Bearer "+s.key)
		go func() {
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				ended <- err.Error()
				return
			}
			defer resp.Body.Close()
			said, _ := io.ReadAll(resp.Body) // it is to be a surprise
			ended <- resp.Status + " " + string(said)
		}()
		s.leave = func() string { cancel(); return <-ended }
		ts.Defer(cancel)
	case !neg && len(args) == 1 && args[0] == "leaves":
		if said := s.leave(); !strings.Contains(said, context.Canceled.Error()) {
			ts.Fatalf("the request had ended: %s", said)
		}
	default:
		ts.Fatalf("usage: client asks METHOD PATH | leaves")
	}
}
