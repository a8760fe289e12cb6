package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// editConfig opens the variables in the owner's editor and makes the difference. What cannot be is told, and the file
// opened again where there is somebody to mend it.
func (a *app) editConfig(ctx context.Context, in *installation, c configuring, now catalog.Config) error {
	dir, err := os.MkdirTemp("", "dream-config-") // 0700
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder of its own, which nobody else can read
	file := filepath.Join(dir, c.id+".env")
	if err := os.WriteFile(file, []byte(editable(now)), 0o600); err != nil {
		return err
	}
	for {
		if err := a.openEditor(ctx, file); err != nil {
			return err
		}
		edited, err := config.ReadEnv(file)
		if err == nil {
			err = a.applyConfig(ctx, in, c, now, difference(now, edited))
			if !problem.HasCode(err, problem.InvalidConfig) {
				return err
			}
		}
		if !a.asks() {
			return err
		}
		a.report(err)
		fmt.Fprint(a.stderr, "Edit it again? [Y/n] ")
		answer, readErr := a.readAnswer(ctx, false)
		switch {
		case errors.Is(readErr, errInterrupted):
			return readErr
		case readErr != nil || strings.HasPrefix(strings.ToLower(answer), "n"):
			return reported{err}
		}
	}
}

// editorEnds is how long an editor may take to end when the program is interrupted.
const editorEnds = 2 * time.Second

func (a *app) openEditor(ctx context.Context, file string) error {
	editor := strings.Fields(cmp.Or(a.getenv("VISUAL"), a.getenv("EDITOR"), "vi"))
	if len(editor) == 0 {
		return errors.New("EDITOR is blank: name your editor there")
	}
	cmd := exec.CommandContext(ctx, editor[0], append(editor[1:], file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.rawOut, a.rawErr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // so that it gives the terminal back as it was
	cmd.WaitDelay = editorEnds
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return fmt.Errorf("editor %s: %w: nothing was changed", editor[0], err)
	}
	return nil
}

// editable is the configuration as a file for a person.
func editable(c catalog.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The variables of %s. A line that you take out is forgotten: its default holds, or none.\n"+
		"# Secrets are not shown: write a line to change one.\n", c.ID)
	for _, v := range c.Variables {
		if v.Reserved {
			continue
		}
		about := []string{string(v.Type)}
		if len(v.Options) > 0 {
			about = append(about, strings.Join(v.Options, "|"))
		}
		if v.Required {
			about = append(about, "required")
		}
		fmt.Fprintf(&b, "\n# %s (%s)\n", cmp.Or(firstSentence(v.Description), v.Key), strings.Join(about, ", "))
		if v.Problem != "" {
			fmt.Fprintf(&b, "# It %s.\n", v.Problem)
		}
		switch {
		case v.Set && v.Value != nil:
			fmt.Fprintf(&b, "%s\n", config.Pair{Key: v.Key, Value: *v.Value})
		case v.Set:
			fmt.Fprintf(&b, "# %s= (is set)\n", v.Key)
		case v.Value != nil:
			fmt.Fprintf(&b, "# %s\n", config.Pair{Key: v.Key, Value: *v.Value})
		default:
			fmt.Fprintf(&b, "# %s=\n", v.Key)
		}
	}
	return b.String()
}

// difference is what the edited file asks for. A key that the extension does not declare is in it, so that it is refused.
func difference(now catalog.Config, edited map[string]string) catalog.ConfigChange {
	change := catalog.ConfigChange{Values: maps.Clone(edited)}
	for _, v := range now.Variables {
		value, given := edited[v.Key]
		shown := v.Set && v.Value != nil
		switch {
		case shown && given && value == *v.Value, !shown && value == "":
			delete(change.Values, v.Key)
		case shown && value == "":
			delete(change.Values, v.Key)
			change.Unset = append(change.Unset, v.Key)
		}
	}
	return change
}
