package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of what a program or a server may answer.
const (
	maxAnswer  = 4 << 20
	maxStderr  = 8 << 10
	killedWait = time.Second // for a killed program's pipes
)

// program is a plugin that runs for each question: the request on its standard input, the answer on its output, and the
// name of the hook as its last argument. It gets a clean environment and a process group of its own, all of which ends
// with it. The digest of its code is looked at before each start: what was loaded is what answers.
type program struct {
	info Info
	argv []string
	from Sources

	mu    sync.Mutex
	known []fileMark // of its code when its digest was the one that was loaded
}

// newProgram checks what is to be run: nobody but root, this user and the installation's owner may be able to change it.
func newProgram(c PluginConfig, from Sources) (*program, error) {
	code, err := from.codeOf(c.Exec)
	if err != nil {
		return nil, err
	}
	own, err := digestOf(c.Exec[0])
	if err != nil {
		return nil, err
	}
	if c.SHA256 != "" && !strings.EqualFold(c.SHA256, own) {
		return nil, fmt.Errorf("%s has the digest %s, and the config wants %s", c.Exec[0], own, c.SHA256)
	}
	digest, err := code.digest()
	if err != nil {
		return nil, err
	}
	p := &program{info: Info{Name: c.Name, Transport: "exec", Digest: digest, Hooks: c.Hooks, Cache: code.whole}, argv: c.Exec, from: from}
	if err := p.describe(context.Background()); err != nil {
		return nil, err
	}
	if len(p.info.Hooks) == 0 {
		p.info.Hooks = Hooks()
	}
	return p, nil
}

// Info tells what the program is.
func (p *program) Info() Info { return p.info }

// Unchanged is an error when the program is not the one that was loaded any more. Its digest is made again only where a file
// looks as if it could be another.
func (p *program) Unchanged() error {
	now := time.Now()
	code, err := p.from.codeOf(p.argv)
	if err != nil {
		return err
	}
	marks := code.marks(now)
	p.mu.Lock()
	known := p.known
	p.mu.Unlock()
	if slices.EqualFunc(marks, known, fileMark.settledAs) {
		return nil
	}
	digest, err := code.digest()
	if err != nil {
		return err
	}
	if digest != p.info.Digest {
		return fmt.Errorf("%s%s was replaced after it was loaded: restart the host agent to take the new one", p.argv[0], code.more())
	}
	p.mu.Lock()
	p.known = marks
	p.mu.Unlock()
	return nil
}

// Apply runs the program.
func (p *program) Apply(ctx context.Context, q Request) (Response, error) {
	if err := p.Unchanged(); err != nil {
		return Response{}, err
	}
	question, err := json.Marshal(q)
	if err != nil {
		return Response{}, err
	}
	answer, err := p.run(ctx, string(q.Hook), bytes.NewReader(question))
	if err != nil {
		return Response{}, err
	}
	return ReadAnswer(answer, true)
}

// Ask is [Wire].
func (p *program) Ask(ctx context.Context, hook string, question io.Reader) ([]byte, error) {
	return p.run(ctx, hook, question)
}

// startError is a program that could not be run at all.
type startError struct{ error }

func (e startError) Unwrap() error { return e.error }

// is reports whether an error of this type is in err's chain.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// run is one run of the program: its output, when it has ended well.
func (p *program) run(ctx context.Context, word string, question io.Reader) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.argv[0], append(p.argv[1:len(p.argv):len(p.argv)], word)...)
	cmd.Dir = filepath.Dir(p.argv[0])
	cmd.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, p.from.Env...)
	cmd.Stdin = question
	out, log := &bounded{most: maxAnswer}, &bounded{most: maxStderr}
	cmd.Stdout, cmd.Stderr = out, log
	cmd.SysProcAttr = processGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killedWait
	err := cmd.Start()
	if err != nil && ctx.Err() == nil {
		return nil, startError{fmt.Errorf("it cannot be started: %w", err)}
	}
	if err == nil {
		err = cmd.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whoever of the group is left; mostly nobody
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case out.over:
		return nil, fmt.Errorf("it answers with more than %d MiB", maxAnswer>>20)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, fmt.Errorf("it ended with %w%s", err, log.said())
	}
	return out.kept.Bytes(), nil
}

// bounded keeps the first bytes of an output.
type bounded struct {
	kept bytes.Buffer // no part of it by name: its ReadFrom would take everything
	most int
	over bool
}

// Write never fails: a program that prints too much is judged when it ends.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.kept.Len(); len(p) > room {
		b.over = true
		b.kept.Write(p[:max(0, room)])
		return len(p), nil
	}
	return b.kept.Write(p)
}

// said is the end of what it printed, for an error.
func (b *bounded) said() string {
	text := strings.TrimSpace(strings.ToValidUTF8(b.kept.String(), "?"))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	return ": " + lines[len(lines)-1]
}
