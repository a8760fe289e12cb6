package e2e

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdReadAll keeps every reply of the routes that only look.
func cmdReadAll(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]json.RawMessage `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
	}
	_, text, err := s.request("GET", "/openapi.json", s.key)
	ts.Check(err)
	ts.Check(json.Unmarshal([]byte(text), &document))
	asked := 0
	for path, methods := range document.Paths {
		get, there := methods["get"]
		if content := get.Responses["200"].Content; !there || len(content) == 1 && content["text/event-stream"] != nil {
			continue // streams do not end: `follow` reads them, and `nowhere` what it has read
		}
		status, reply, err := s.request("GET", strings.ReplaceAll(path, "{id}", args[0]), s.key)
		ts.Check(err)
		s.replies += reply
		switch {
		case status < 400:
			asked++
		case status == http.StatusNotFound, strings.Contains(reply, `"gpu_unavailable"`):
			// The id is an extension's, and not of all that has one; most machines that run this have no GPU.
		default:
			ts.Fatalf("GET %s: status %d\n%s", path, status, reply)
		}
	}
	if neg || asked < 10 {
		ts.Fatalf("only %d routes to read: is the document empty?", asked)
	}
}

// cmdNowhere looks where a secret could have got to. .env and what runs (state/approved) must have it, or nothing was
// planted.
func cmdNowhere(ts *testscript.TestScript, neg bool, values []string) {
	s := stackOf(ts)
	texts := map[string]string{"a reply of the API": s.replies, "the agent's log": s.agent.log.String(), "the API's log": s.api.log.String()}
	if s.following != nil {
		texts["the stream"] = s.following.said.String()
	}
	meant := ""
	err := filepath.WalkDir(s.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if rel, _ := filepath.Rel(s.dir, p); rel == ".env" || strings.HasPrefix(rel, "state/approved/") {
			meant += string(data)
		} else {
			texts[rel] = string(data)
		}
		return nil
	})
	ts.Check(err)
	if neg || len(texts) < 20 || len(s.replies) < 1000 {
		ts.Fatalf("%d texts to look in, %d bytes of replies: the story proves less than it says", len(texts), len(s.replies))
	}
	for _, value := range values {
		if strings.Count(meant, value) < 1 {
			ts.Fatalf("%s is not even in .env: nothing was planted", value)
		}
		for where, text := range texts {
			if strings.Contains(text, value) {
				ts.Fatalf("%s shows the secret %s", where, value)
			}
		}
	}
}
