package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// script is a program of these lines, in a folder of its own.
func script(t *testing.T, lines string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+lines+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, lines string, hook Hook) (Response, error) {
	t.Helper()
	p, err := newProgram(PluginConfig{Name: "p", Exec: []string{script(t, lines), "first"}}, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return p.Apply(ctx, Request{User: "alice", Project: "main", Spec: Spec{"a": json.Number("1")}, Hook: hook, APIVersion: "v1"})
}

func TestProgram_Answers(t *testing.T) {
	tests := []struct{ name, lines, want string }{
		{"accepts", `echo '{"spec": {"a": 1}, "error": null}'`, `spec map[a:1]`},
		{"changes", `echo '{"spec": {"a": 2}, "error": null, "warnings": ["w"]}'`, `spec map[a:2] warnings [w]`},
		{"says nothing of the spec", `echo '{"error": null}'`, `spec map[]`},
		{"rejects", `echo '{"error": "no"}'`, `rejected: no`},
		{"rejects, with a spec", `echo '{"spec": {}, "error": "no"}'`, `rejected: no`},
		{"reads the question", `read q; case $q in *'"user":"alice"'*'"hook":"on_fleet_apply"'*) echo '{"error":"seen"}';; esac`, `rejected: seen`},
		{"is told its arguments", `echo "{\"error\":\"$*\"}"`, `rejected: first on_fleet_apply`},
		{"has a clean environment", `echo "{\"error\":\"[$(env | grep -v '^PWD=\|^_=\|^SHLVL=' | sort | tr '\n' ' ')]\"}"`, `rejected: [LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ]`},
		{"nothing", ``, `failed: it answers nothing`},
		{"garbage", `echo hello`, `failed: its answer is not {"spec": {…}, "error": null}`},
		{"a list", `echo '[]'`, `failed: its answer is not`},
		{"two documents", `echo '{"error":null}{"error":null}'`, `failed: its answer goes on behind the JSON document`},
		{"an empty error", `echo '{"spec": {}, "error": ""}'`, `failed: its answer has an empty error`},
		{"null", `echo null`, `failed: its answer is not {"spec": {…}, "error": null}: it is null`},
		{"an empty object", `echo '{}'`, `failed: its answer is not {"spec": {…}, "error": null}: it has neither spec nor error`},
		{"a misspelt error", `echo '{"spec":{},"eror":"no"}'`, `failed: its answer has a key "eror": write error`},
		{"errors", `echo '{"spec":{},"errors":["no"]}'`, `failed: its answer has a key "errors": write error`},
		{"another case", `echo '{"spec":{},"ERROR":"no"}'`, `failed: its answer has a key "ERROR": write error`},
		{"twice", `echo '{"error":"no","error":null}'`, `failed: its answer has the key "error" twice`},
		{"a key that nobody knows", `echo '{"spec":{},"deny":"no"}'`, `failed: its answer has a key "deny", which is none of error, spec, warnings`},
		{"no UTF-8", `printf '{"spec":{"a":{"b":["x","a\377\376b"]}}}'`, `failed: its answer at a.b[1] has bytes that are no UTF-8`},
		{"exit 1", `echo '{"error":null}'; echo "no database" >&2; exit 1`, `failed: it ended with exit status 1: no database`},
		{"5 MiB", `head -c 5242880 /dev/zero | tr '\0' ' '`, `failed: it answers with more than 4 MiB`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := run(t, tt.lines, OnFleet)
			got := fmt.Sprintf("spec %v", map[string]any(r.Spec))
			switch {
			case err != nil:
				got = "failed: " + err.Error()
			case r.Error != "":
				got = "rejected: " + r.Error
			case len(r.Warnings) > 0:
				got += fmt.Sprintf(" warnings %v", r.Warnings)
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// One that hangs is killed with everything that it has started, which holds its output open.
func TestProgram_ThatHangsAndForks(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "pids")
	p, err := newProgram(PluginConfig{Name: "p", Exec: []string{script(t, "[ $1 = describe ] && exit; sleep 1000 & echo $! >"+mark+"; echo $$ >>"+mark+"; mv "+mark+" "+mark+".done; wait")}}, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.Apply(ctx, Request{Hook: OnService})
		ended <- err
	}()
	var pids []byte
	for pids == nil { // until it has forked
		pids, _ = os.ReadFile(mark + ".done")
		select {
		case err := <-ended:
			t.Fatalf("it has ended: %v", err)
		default:
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for pid := range strings.FieldsSeq(string(pids)) {
		for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() { // a killed process takes a moment to go
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil || strings.Contains(string(stat), ") Z ") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %s lives: %s", pid, stat)
			}
		}
	}
}

func TestProgram_MustBeOursAlone(t *testing.T) {
	good := script(t, "echo")
	digest, err := digestOf(good)
	if err != nil {
		t.Fatal(err)
	}
	writable, open, plain := script(t, "echo"), script(t, "echo"), script(t, "echo")
	for name, mode := range map[string]os.FileMode{writable: 0o757, filepath.Dir(open): 0o777, plain: 0o644} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		c    PluginConfig
		want string // empty: it is taken
	}{
		{"good", PluginConfig{Exec: []string{good}}, ""},
		{"its digest", PluginConfig{Exec: []string{good}, SHA256: strings.ToUpper(digest)}, ""},
		{"another digest", PluginConfig{Exec: []string{good}, SHA256: "00"}, "has the digest " + digest + ", and the config wants 00"},
		{"others may write it", PluginConfig{Exec: []string{writable}}, "may be changed by others"},
		{"others may write its folder", PluginConfig{Exec: []string{open}}, "may be changed by others"},
		{"no program", PluginConfig{Exec: []string{plain}}, "is no program"},
		{"a folder", PluginConfig{Exec: []string{filepath.Dir(good)}}, "is no program"},
		{"nothing", PluginConfig{Exec: []string{good + "x"}}, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newProgram(tt.c, Sources{})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	p, err := newProgram(PluginConfig{Exec: []string{good}}, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(good, []byte("#!/bin/sh\necho '{\"error\":null}'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(t.Context(), Request{Hook: OnService}); err == nil || !strings.Contains(err.Error(), "was replaced after it was loaded") {
		t.Errorf("one that was replaced: %v", err)
	}
}
