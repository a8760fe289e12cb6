package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Runner executes docker compose for one project. Nothing else in this program does. It is safe for concurrent
// use; what may not run side by side is the caller's business.
type Runner struct {
	Docker  string   // the docker command; empty means "docker" on PATH
	Project string   // -p of every call
	Dir     string   // working directory of every call: an empty folder, so that no compose file or .env is found by chance
	Env     []string // the whole environment of every call; see [CleanEnv]
	// Grace is how long a call may take to end after it was told to; 0 means ten seconds.
	Grace time.Duration
	// Called is told of every call that has ended, by its verb, one of [Verbs], and its error, which is that of the
	// context when that had ended before; nil tells nobody. It is called from the goroutine of the call.
	Called func(verb string, err error)
}

// Verbs are those that a [Runner] calls docker compose with.
var Verbs = []string{"up", "create", "pull", "build", "stop", "rm", "down", "version"}

const defaultGrace = 10 * time.Second

// CleanEnv is the environment that docker compose needs and nothing else: a COMPOSE_… variable or a key of ours
// must not reach it. getenv reads the caller's own environment.
func CleanEnv(getenv func(string) string, dockerHost, dockerConfig string) []string {
	var env []string
	for _, key := range []string{
		"PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	} {
		if v := getenv(key); v != "" {
			env = append(env, key+"="+v)
		}
	}
	if dockerHost != "" {
		env = append(env, "DOCKER_HOST="+dockerHost)
	}
	if dockerConfig != "" {
		env = append(env, "DOCKER_CONFIG="+dockerConfig)
	}
	return env
}

// CommandError is a docker compose call that did not exit 0.
type CommandError struct {
	Verb   string
	Code   int    // exit code; -1 when the process was killed
	Reason string // the last error that compose reported, else the end of its output
	Err    error
}

func (e *CommandError) Error() string { return fmt.Sprintf("docker compose %s: %s", e.Verb, e.Reason) }

// Unwrap is the cause: context.DeadlineExceeded when time ran out.
func (e *CommandError) Unwrap() error { return e.Err }

// Up creates and starts the services of file and what they depend on. Services that run unchanged are left alone.
func (r *Runner) Up(ctx context.Context, file string, services []string, on func(Event)) error {
	return r.run(ctx, "up", on, r.withFile(file), append([]string{"up", "-d", "--pull", "never", "--no-build"}, services...))
}

// Create creates what Up would, network first, and starts nothing.
func (r *Runner) Create(ctx context.Context, file string, services []string, on func(Event)) error {
	return r.run(ctx, "create", on, r.withFile(file), append([]string{"create", "--pull", "never", "--no-build"}, services...))
}

// Pull fetches the images of the services of file.
func (r *Runner) Pull(ctx context.Context, file string, services []string, on func(Event)) error {
	return r.run(ctx, "pull", on, r.withFile(file), append([]string{"pull", "--ignore-buildable"}, services...))
}

// Build builds the images of the services of file that have a build section.
func (r *Runner) Build(ctx context.Context, file string, services []string, on func(Event)) error {
	return r.run(ctx, "build", on, r.withFile(file), append([]string{"build"}, services...))
}

// Stop stops the services of the project. It needs no file: compose finds the containers by their labels.
func (r *Runner) Stop(ctx context.Context, services []string, on func(Event)) error {
	return r.run(ctx, "stop", on, nil, append([]string{"stop"}, services...))
}

// Remove stops and removes the containers of the services. Volumes stay.
func (r *Runner) Remove(ctx context.Context, services []string, on func(Event)) error {
	return r.run(ctx, "rm", on, nil, append([]string{"rm", "--stop", "--force"}, services...))
}

// Down stops and removes all containers and networks of the project. Volumes stay.
func (r *Runner) Down(ctx context.Context, on func(Event)) error {
	return r.run(ctx, "down", on, nil, []string{"down", "--remove-orphans"})
}

// Version is docker compose's own version.
func (r *Runner) Version(ctx context.Context) (string, error) {
	cmd := r.command(ctx, "compose", "version", "--short")
	out, err := cmd.Output()
	r.called(ctx, "version", err)
	if err != nil {
		return "", fmt.Errorf("docker compose version: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (r *Runner) withFile(file string) []string {
	return []string{"--project-directory", r.Dir, "-f", file}
}

// run executes one verb. The process gets its own group; when ctx ends, the group is asked to end and killed
// [Runner.Grace] later, because compose leaves children behind when it alone is killed. on is called from one
// goroutine, and not after run has returned.
func (r *Runner) run(ctx context.Context, verb string, on func(Event), global, args []string) (err error) {
	defer func() { r.called(ctx, verb, err) }()
	argv := append([]string{"compose", "-p", r.Project, "--env-file", os.DevNull, "--progress", "json"}, global...)
	cmd := r.command(ctx, append(argv, args...)...)
	out := &output{on: on}
	cmd.Stderr = out
	if err := cmd.Start(); err != nil {
		return &CommandError{Verb: verb, Code: -1, Reason: err.Error(), Err: err}
	}
	err = cmd.Wait()
	out.flush()
	if err == nil {
		return nil
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // whoever of the group is left; mostly nobody
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return nil // it did exit 0; only a child kept its output open
	}
	e := &CommandError{Verb: verb, Code: cmd.ProcessState.ExitCode(), Reason: out.reason(), Err: err}
	if ctx.Err() != nil {
		e.Err = ctx.Err()
		e.Reason = "stopped: " + ctx.Err().Error()
	}
	return e
}

func (r *Runner) called(ctx context.Context, verb string, err error) {
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if r.Called != nil {
		r.Called(verb, err)
	}
}

func (r *Runner) command(ctx context.Context, args ...string) *exec.Cmd {
	docker := r.Docker
	if docker == "" {
		docker = "docker"
	}
	cmd := exec.CommandContext(ctx, docker, args...)
	cmd.Dir = r.Dir
	cmd.Env = r.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = r.Grace
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = defaultGrace
	}
	return cmd
}
