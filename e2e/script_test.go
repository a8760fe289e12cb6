package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the stories in testdata/script, each on an installation of its own.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestScreenshots makes the pictures of docs/images, for `make screenshots`.
func TestScreenshots(t *testing.T) {
	if os.Getenv("DREAM_SCREENSHOTS") == "" {
		t.Skip("makes pictures: run `make screenshots`")
	}
	runScripts(t, "testdata/screenshots")
}

func runScripts(t *testing.T, dir string) {
	needsEngine(t)
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			s := newStack(env.WorkDir)
			env.Values[stackKey{}] = s
			env.Defer(s.destroy)
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("DREAM_INSTALL_DIR", s.dir)
			env.Setenv("PROJECT", s.names.Project)
			env.Setenv("PREFIX", s.names.Prefix)
			env.Setenv("IMAGE", image)
			env.Setenv("PAGE_IMAGE", pageImage)
			env.Setenv("API_IMAGE", apiImage)
			sdk, err := filepath.Abs("../sdk/python/src/dream_plugins")
			if err != nil {
				return err
			}
			env.Setenv("SDK", sdk)
			engineTestRan(filepath.Base(env.WorkDir))
			return nil
		},
		Cmds: commands(),
	})
}

// needsEngine skips a test that the real engine is needed for, unless make test says that there is one.
func needsEngine(t *testing.T) {
	t.Helper()
	if os.Getenv("DREAM_TEST_ENGINE") == "" {
		t.Skip("needs the Docker Engine: run `make test`")
	}
}

// engineTestRan counts the test for `make test`.
func engineTestRan(name string) {
	file := os.Getenv("DREAM_ENGINE_TEST_LOG")
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, name)
}
