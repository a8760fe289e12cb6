package gpu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// maxOutput is how much a tool may print. A report on eight GPUs is about 400 KB.
const maxOutput = 4 << 20

// killWait is how long a process that was killed may take to be gone.
const killWait = 200 * time.Millisecond

var (
	errHangs   = errors.New("it hangs")
	errTooMuch = errors.New("it prints more than 4 MiB")
)

// tool is a program that may hang. It runs once at a time: one that hangs in its driver cannot be killed, and a second
// would hang beside it.
type tool struct {
	path string
	free chan struct{} // holds one element while it runs
}

// run is what the program prints on its standard output, and why it is no good. It returns soon after ctx ends, whatever the
// program does.
func (t *tool) run(ctx context.Context, args ...string) ([]byte, error) {
	select {
	case t.free <- struct{}{}:
	case <-ctx.Done():
		return nil, errHangs
	}
	type answer struct {
		out []byte
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		defer func() { <-t.free }()
		out, err := t.execute(ctx, args)
		answered <- answer{out, err}
	}()
	select {
	case a := <-answered:
		return a.out, a.err
	case <-ctx.Done():
	}
	last := time.NewTimer(2 * killWait)
	defer last.Stop()
	select {
	case a := <-answered:
		return a.out, a.err
	case <-last.C:
		return nil, errHangs
	}
}

func (t *tool) execute(ctx context.Context, args []string) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &bounded{full: func() { cancel(errTooMuch) }}
	said := &bounded{full: func() {}}
	cmd := exec.CommandContext(ctx, t.path, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr = out, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killWait
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("it does not start: %w", err)
	}
	err := cmd.Wait()
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whoever of the group is left; mostly nobody
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTooMuch):
		return nil, errTooMuch
	case cause != nil && err != nil:
		return nil, errHangs
	case errors.Is(err, exec.ErrWaitDelay):
		return out.bytes(), nil // it did exit 0; only a child kept its output open
	case err != nil && len(out.bytes()) == 0:
		return said.bytes(), err
	}
	return out.bytes(), err
}

// bounded keeps what fits and calls full when something does not.
type bounded struct {
	full func()
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if room := maxOutput - b.buf.Len(); len(p) > room {
		b.buf.Write(p[:room])
		b.full()
		return len(p), nil
	}
	return b.buf.Write(p)
}

func (b *bounded) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}
