package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"dreamserver/compose"
	"dreamserver/config"
)

type stackKey struct{}

// stack is one installation: its folder, its names and its processes.
type stack struct {
	dir   string
	names config.Names
	agent *process
	api   *process
	key   string // of the API, from .env

	dashboard  *process
	prometheus *process
	registry   *registry

	browser   *http.Client  // made by the first command that needs it
	following *following    // the stream that `follow` reads
	leave     func() string // of `client`: ends its request, and says how it ended
	replies   string        // everything that the API has answered to `api` and `read-all`
}

// newStack chooses names that no other installation has. Nothing is made yet.
func newStack(work string) *stack {
	id := fmt.Sprintf("e2e%x", time.Now().UnixNano())
	return &stack{
		dir:   filepath.Join(work, "install"),
		names: config.Names{Project: id, Network: id + "-network", Prefix: id + "-"},
	}
}

// env is the environment of the stack's programs: nothing of the caller's own settings.
func (s *stack) env() []string {
	return []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DREAM_INSTALL_DIR=" + s.dir,
		"DREAM_PROJECT=" + s.names.Project, "DREAM_NETWORK=" + s.names.Network, "DREAM_CONTAINER_PREFIX=" + s.names.Prefix,
		"DREAM_API_IMAGE=" + apiImage, "DREAM_AGENT_PORT=0", "DASHBOARD_API_PORT=0", "DREAM_STOP_TIMEOUT=5s",
	}
}

// init makes the installation.
func (s *stack) init() error {
	cmd := exec.Command(filepath.Join(bin, "dream"), "init", "--install-dir", s.dir)
	cmd.Env = s.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("dream init: %w\n%s", err, out)
	}
	settings, err := config.Load(func(k string) string {
		if k == "DREAM_INSTALL_DIR" {
			return s.dir
		}
		return ""
	})
	s.key = settings.APIKey.Reveal()
	return err
}

// process is a running program whose log lines are kept.
type process struct {
	cmd  *exec.Cmd
	addr string // where it listens on TCP
	log  *lockedBuffer
	done chan struct{}
}

// logLine is what programs say when they listen.
type logLine struct {
	Message string `json:"message"`
	Addr    string `json:"addr"`
	Msg     string `json:"msg"`
	Address string `json:"address"`
}

// start runs a program of ours until it logs that it listens.
func (s *stack) start(program string, extra ...string) (*process, error) {
	cmd := exec.Command(filepath.Join(bin, program))
	cmd.Env = append(s.env(), extra...)
	return launch(cmd, func(line logLine) (string, bool) { return line.Addr, line.Message == "listening" })
}

// launch runs a program until a line of its log says where it listens.
func launch(cmd *exec.Cmd, listens func(logLine) (addr string, yes bool)) (*process, error) {
	p := &process{cmd: cmd, log: &lockedBuffer{}, done: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr, cmd.Stdout = w, w
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.Close()
	go func() { _ = cmd.Wait(); close(p.done) }()
	dec := json.NewDecoder(io.TeeReader(r, p.log))
	for listening := false; !listening; {
		var line logLine
		if err := dec.Decode(&line); err != nil {
			return nil, fmt.Errorf("%s ended before it listened:\n%s", filepath.Base(cmd.Path), p.log)
		}
		p.addr, listening = listens(line) // an agent that listens on its socket alone has no address
	}
	go func() { _, _ = io.Copy(p.log, r) }()
	return p, nil
}

// end sends the signal and waits until the program is gone.
func (p *process) end(sig syscall.Signal) error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a frozen one takes no other signal
	select {
	case <-p.done:
		return nil
	case <-time.After(time.Minute):
		return errors.Join(fmt.Errorf("%s did not end within a minute:\n%s", p.cmd.Path, p.log), p.cmd.Process.Kill())
	}
}

// destroy ends the processes and removes everything of the project.
func (s *stack) destroy() {
	_ = s.prometheus.end(syscall.SIGTERM)
	_ = s.dashboard.end(syscall.SIGTERM)
	_ = s.api.end(syscall.SIGTERM)
	_ = s.agent.end(syscall.SIGTERM)
	_ = exec.Command("docker", "compose", "-p", s.names.Project, "down", "--volumes", "--remove-orphans", "--timeout", "1").Run()
	s.registry.destroy()                                                              // its images have no container any more
	_ = exec.Command("umount", filepath.Join(s.dir, "data", "user-extensions")).Run() // of the script about a full disk
}

// request asks the API that runs as a process.
func (s *stack) request(method, path, key string) (status int, reply string, err error) {
	status, _, reply, err = s.ask(s.api.addr, method, path, "", http.Header{"Authorization": {"Bearer " + key}})
	return status, reply, err
}

// ask asks the API at addr with headers, and returns those of the reply.
func (s *stack) ask(addr, method, path, body string, with http.Header) (status int, header http.Header, reply string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, "", err
	}
	req.Header = with
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(data), err
}

// containers lists the project's containers as Docker sees them.
func (s *stack) containers() ([]compose.Container, error) {
	engine, err := compose.NewEngine(os.Getenv("DOCKER_HOST"), s.names.Project)
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	return engine.Containers(context.Background())
}

// freePort is a port that nobody has at this moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// setEnv adds a line to the installation's .env, as its owner would with an editor.
func (s *stack) setEnv(key, value string) error {
	f, err := os.OpenFile(filepath.Join(s.dir, ".env"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(key + "=" + strconv.Quote(value) + "\n")
	return err
}

// lockedBuffer is a buffer that one goroutine writes and another reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
