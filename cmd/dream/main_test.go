package main

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dreamserver"
	"dreamserver/internal/problem"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dream": main})
}

// TestScript runs the command line as a person does, without an agent or with one that misbehaves.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Who runs the tests owns the installations, so that root and others see the same.
			env.Setenv("UID", strconv.Itoa(os.Geteuid()))
			env.Setenv("GID", strconv.Itoa(os.Getegid()))
			shipped := 0
			err := fs.WalkDir(dreamserver.Assets, ".", func(_ string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					shipped++
				}
				return err
			})
			if err != nil {
				return err
			}
			env.Setenv("UNCHANGED", strconv.Itoa(shipped-3))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"mode":     mode,
			"listener": listener,
			"taken":    taken,
		},
	})
}

// exits runs a command and checks its exit code: exits CODE COMMAND…
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%v exits %d, want %s", args[1:], code, args[0])
	}
}

// mode checks a file's permissions: mode 600 FILE…
func mode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := strconv.FormatInt(int64(info.Mode().Perm()), 8); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// listener puts something that is no working agent at a socket: listener gone|silent|strict SOCKET
func listener(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("unix", ts.MkAbs(args[1]))
	ts.Check(err)
	switch args[0] {
	case "gone": // killed: the socket's file is still there
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		ts.Check(l.Close())
	case "silent": // hangs: the kernel accepts, nobody answers
		ts.Defer(func() { l.Close() })
	case "strict": // has another key
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			problem.Write(w, problem.Newf(problem.Forbidden, "Invalid API key."))
		})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = s.Serve(l)
		}()
		ts.Defer(func() {
			s.Close()
			<-done
		})
	}
}

// taken listens on a port of 127.0.0.1 and puts its number into a variable: taken NAME
func taken(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}
