package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// webDir has the dashboard's sources, and the stories that a browser plays.
const webDir = "../web"

// cmdDashboard is described at [commands].
func cmdDashboard(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	var err error
	switch strings.Join(args, " ") {
	case "start":
		err = s.serveDashboard()
	case "stop":
		err = s.dashboard.end(syscall.SIGTERM)
	default:
		ts.Fatalf("usage: dashboard start|stop")
	}
	if neg || err != nil {
		ts.Fatalf("dashboard %s: %v", args[0], err)
	}
}

// serveDashboard starts the program that serves the pages, in front of the API that runs as a process.
func (s *stack) serveDashboard() error {
	cmd := exec.Command(filepath.Join(bin, "dashboard-api"), "ui")
	cmd.Env = append(s.env(), "DASHBOARD_API_URL=http://"+s.api.addr, "DASHBOARD_PORT=0")
	var err error
	s.dashboard, err = launch(cmd, func(line logLine) (string, bool) { return line.Addr, line.Message == "listening" })
	return err
}

// cmdPages has a real browser play a story against the dashboard: pages FILE, of web/e2e. The story calls the machine
// around the dashboard through DREAM_CONTROL, see [machine].
func cmdPages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pages FILE")
	}
	s := stackOf(ts)
	out, err := s.play(args[0])
	ts.Logf("%s", out)
	if err != nil {
		ts.Fatalf("pages %s: %v; the agent's log:\n%s", args[0], err, s.agentLog())
	}
}

// play has the browser play a file of web/e2e, and returns what that prints.
func (s *stack) play(file string) (string, error) {
	around := httptest.NewServer(&machine{stack: s})
	defer around.Close()
	cmd := exec.Command("node", "node_modules/vitest/vitest.mjs", "run", "--config", "e2e/vitest.config.ts", file)
	cmd.Dir = webDir
	cmd.Env = append(os.Environ(),
		"DREAM_URL=http://"+s.dashboard.addr, "DREAM_KEY="+s.key, "DREAM_CONTROL="+around.URL, "DREAM_IMAGE="+image, "CI=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// machine is what happens around the dashboard while a browser looks at it. A story asks for it by POST:
//
//	/agent/start, stop, kill, freeze, thaw    the host agent
//	/api/stop, start                          the API, on the same port: every session ends
//	/registry/pass?mb=N, /registry/open       how much the registry gives out
//	/dream?arg=A&arg=B                        runs `dream A B` and answers with what it prints
//	/key?name=N&scope=S                       makes a key and answers with it
//	/write?file=F                             the body becomes a file below the installation
//	/read?file=F                              answers with that file
//	/port/take, /port/give                    takes a port of 127.0.0.1, whose number is the answer, until it gives it back
type machine struct {
	stack *stack

	mu    sync.Mutex
	taken net.Listener
}

func (m *machine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer, err := m.do(r)
	if err != nil {
		http.Error(w, err.Error()+"\n"+answer, http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, answer)
}

func (m *machine) do(r *http.Request) (string, error) {
	s, q := m.stack, r.URL.Query()
	signal := map[string]syscall.Signal{"/agent/freeze": syscall.SIGSTOP, "/agent/thaw": syscall.SIGCONT}
	switch path := r.URL.Path; path {
	case "/agent/start":
		var err error
		s.agent, err = s.start("dream-host-agent")
		return "", err
	case "/agent/stop":
		return "", s.agent.end(syscall.SIGTERM)
	case "/agent/kill":
		return "", s.agent.end(syscall.SIGKILL)
	case "/agent/freeze", "/agent/thaw":
		return "", s.agent.cmd.Process.Signal(signal[path])
	case "/api/stop":
		return "", s.api.end(syscall.SIGTERM)
	case "/api/start":
		return "", m.startAPI()
	case "/registry/pass":
		mb, err := strconv.ParseInt(q.Get("mb"), 10, 64)
		s.registry.gate.allow(mb << 20)
		return "", err
	case "/registry/open":
		s.registry.gate.allow(-1)
		return "", nil
	case "/dream":
		return m.dream(r.Context(), q["arg"]...)
	case "/key":
		cmd := exec.CommandContext(r.Context(), filepath.Join(bin, "dream"), "key", "add", q.Get("name"), "--scope", q.Get("scope"))
		cmd.Env = s.env()
		key, err := cmd.Output()
		return strings.TrimSpace(string(key)), err
	case "/write":
		return "", m.write(q.Get("file"), r)
	case "/read":
		data, err := os.ReadFile(filepath.Join(s.dir, q.Get("file")))
		return string(data), err
	case "/port/take":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		m.taken = l
		return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
	case "/port/give":
		return "", m.taken.Close()
	}
	return "", fmt.Errorf("nothing is called %s", r.URL.Path)
}

func (m *machine) dream(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "dream"), args...)
	cmd.Env = m.stack.env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// startAPI starts it where it was.
func (m *machine) startAPI() error {
	_, port, err := net.SplitHostPort(m.stack.api.addr)
	if err != nil {
		return err
	}
	m.stack.api, err = m.stack.start("dashboard-api", "DASHBOARD_API_PORT="+port)
	return err
}

func (m *machine) write(name string, r *http.Request) error {
	root, err := os.OpenRoot(m.stack.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadFrom(r.Body)
	return err
}
