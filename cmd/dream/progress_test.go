package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
)

// steps are what the agent tells of a start. Two that follow each other at once are one to who looks from time to time.
var steps = []operation.Progress{
	{Stage: "pull"},
	{Stage: "create"},
	{Stage: "create", Event: &compose.Event{ID: "Container dream-hello", Text: "Creating"}},
	{Stage: "wait"},
}

func started(id string) (catalog.Report, error) { return catalog.Report{ID: id}, nil }

func TestInstall_TellsEachStageOnALine(t *testing.T) {
	run := session(t, &fakeAgent{start: started, steps: steps})
	want := terminal{0, "Hello is installed and running.\n", "hello: check\nhello: copy\nhello: pull\nhello: create\nhello: wait\n"}
	if diff := cmp.Diff(want, run("install", "hello")); diff != "" {
		t.Errorf("dream install (-want +got):\n%s", diff)
	}
}

// The result is alone on stdout. How it comes about is on stderr, in the words of the API.
func TestInstall_TellsProgramsInLines(t *testing.T) {
	run := session(t, &fakeAgent{start: started, steps: steps})
	got := run("install", "hello", "--json")
	var result operation.Result
	if err := json.Unmarshal([]byte(got.Stdout), &result); err != nil || result.Action != "installed" {
		t.Errorf("stdout: %v: %s", err, got.Stdout)
	}
	var heard []string
	for line := range strings.Lines(got.Stderr) {
		var told struct {
			Operation operation.Operation `json:"operation"`
		}
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		o := told.Operation
		stage, _ := present(o)
		heard = append(heard, strings.TrimSpace(string(o.State)+" "+stage.Name))
	}
	want := []string{"running", "running check", "running copy", "running pull", "running create", "running wait", "succeeded"}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("stderr tells (-want +got):\n%s", diff)
	}
}

func TestTextLines_SayEachThingOnce(t *testing.T) {
	var out strings.Builder
	lines := textLines{&out, map[string]bool{}}
	o := operation.Operation{ID: "1", Extension: "notes", Stages: []operation.Stage{{Name: "pull", Detail: "example/notes:1: downloading", Bytes: 1, Total: 2}}}
	lines.show(o)
	o.Stages[0].Bytes = 2
	lines.show(o)
	now := time.Now()
	o.Stages = []operation.Stage{{Name: "pull", Ended: now}, {Name: "stop", Ended: now}, {Name: "create", Detail: "Container x\x1b[2J\nhello: done: creating"}}
	lines.show(o)
	o.Stages[2].Ended = now
	lines.show(o)
	want := "notes: pull\nnotes: example/notes:1: downloading\nnotes: stop\nnotes: create\nnotes: Container x?[2J?hello: done: creating\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestInstall_InterruptedIsUndone(t *testing.T) {
	f := &fakeAgent{steps: steps, hangs: newHangs()}
	d := newDesk(t, f)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		<-f.hangs.begun
		interrupt()
	}()
	got := d.runUntil(ctx, "install", "hello", "whisper")
	want := terminal{exitInterrupted, "", `hello: check
hello: copy
hello: pull
hello: create
hello: wait
dream: interrupted: undoing what was begun; Ctrl-C again leaves at once, and the host agent finishes or undoes it
hello: undo
dream: the install of hello was cancelled: nothing of it stays but images that were fetched whole
dream: interrupted: not begun is install of whisper
`}
	// The signal and what it leads to are told side by side.
	got.Stderr = strings.Replace(got.Stderr, "hello: undo\n"+lineOf(want.Stderr, "interrupted: undoing"), lineOf(want.Stderr, "interrupted: undoing")+"hello: undo\n", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dream install (-want +got):\n%s", diff)
	}
	for _, left := range []string{"user-extensions/hello", "operations/pending/hello"} {
		if _, err := os.Lstat(filepath.Join(d.dir, "data", left)); !os.IsNotExist(err) {
			t.Errorf("%s: %v, want that it is gone", left, err)
		}
	}
	if got := d.run("operations", "hello"); !strings.HasPrefix(got.Stdout, "install of hello: cancelled\n") {
		t.Errorf("dream operations hello: %+v", got)
	}
}

// lineOf is the line of text with the words.
func lineOf(text, words string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, words) {
			return line
		}
	}
	return ""
}
