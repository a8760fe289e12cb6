package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for something to become true.
const patience = 30 * time.Second

type command = func(ts *testscript.TestScript, neg bool, args []string)

// commands are what the scripts have beside testscript's own:
//
//	install [PORT_NAME…]         make the installation; library/ of the script is its library, ${IMAGE} filled in;
//	                             each name gets a free port, in .env and as a variable of the script
//	agent start [KEY=VALUE…] | stop | kill | freeze | thaw
//	server start [KEY=VALUE…] | stop | kill
//	api [-status=N] [-key=K] [-at=HOST:PORT] [-until=TEXT] [-async=VARIABLE] [-again=KEY] METHOD PATH [BODY]
//	                             the reply is stdout; asked again until it has the text, for what the API finds out in the
//	                             background; with -async it answers at once, and the variable gets the operation's path,
//	                             and VARIABLE_ID its id; with -again the request has an Idempotency-Key
//	browser [-status=N] [-tls=HOST] METHOD PATH [BODY]     as a page of the dashboard asks, with its cookies
//	cookie VARIABLE              the cookie of the browser's session
//	key VARIABLE NAME SCOPE      make a key of the API
//	certificate HOST             put one into the installation
//	registry start               start one, whose address is ${REGISTRY} and port ${REGISTRY_PORT}; before install, when the library names it
//	registry image NAME MB [ARCH]  put an image of that size into it, as ${REGISTRY}/NAME:1
//	registry pass MB | open      give out that much of layers, and then nothing; all
//	registry stop                it goes away
//	registry layers NAME COUNT   so many layers of it were asked for
//	operation VARIABLE EXTENSION the variable gets the path of its newest operation
//	progress PATH MORE AT_MOST   wait until the operation's pull is between these numbers of MB
//	client asks METHOD PATH | leaves     a request in the background, and its client goes away before it is answered
//	prometheus KEY               start one with our configuration and alerts, which reads the API and the agent with that key
//	query EXPR VALUE             wait until it answers with that value, or with nothing for none
//	hash VARIABLE ID             the variable gets the hash of the extension's plan
//	container VARIABLE SERVICE   and this one what tells its container from another one, and from the same started again
//	dashboard start | stop       the program that serves the pages, in front of the API
//	pages FILE                   a real browser plays a story of web/e2e against the dashboard
//	inspect SERVICE              print what bounds its container
//	fetch URL                    stdout is what answers there
//	service NAME STATE           wait until the service's container is running, healthy, exited … or absent
//	eventually COMMAND…          run `dream COMMAND…` until it succeeds and prints a match of the last argument
//	big-file PATH                write a file of 3 MB
//	gone PATH                    wait until the file is gone
//	setenv-file KEY VALUE        add a line to .env
//	read-all ID                  ask for everything that the API has to show, with {id} filled in
//	nowhere VALUE…               none of the values is in a reply of the API, a log, or a file but .env and what runs
//	hold FOLDER ro|small         mount a read-only or a 1 MB file system over a folder of the installation
func commands() map[string]command {
	return map[string]command{
		"install": cmdInstall, "agent": cmdAgent, "server": cmdServer, "api": cmdAPI, "fetch": cmdFetch,
		"service": cmdService, "eventually": cmdEventually, "setenv-file": cmdSetEnv, "hold": cmdHold,
		"big-file": cmdBigFile, "gone": cmdGone, "read-all": cmdReadAll, "nowhere": cmdNowhere,
		"browser": cmdBrowser, "cookie": cmdCookie, "key": cmdKey, "certificate": cmdCertificate, "inspect": cmdInspect,
		"dashboard": cmdDashboard, "pages": cmdPages,
		"prometheus": cmdPrometheus, "query": cmdQuery, "follow": cmdFollow,
		"registry": cmdRegistry, "operation": cmdOperation, "hash": cmdHash, "container": cmdContainer, "progress": cmdProgress, "client": cmdClient,
	}
}

func stackOf(ts *testscript.TestScript) *stack { return ts.Value(stackKey{}).(*stack) }

func cmdInstall(ts *testscript.TestScript, _ bool, ports []string) {
	s := stackOf(ts)
	ts.Check(s.init())
	for _, name := range ports {
		port, err := freePort()
		ts.Check(err)
		ts.Check(s.setEnv(name, strconv.Itoa(port)))
		ts.Setenv(name, strconv.Itoa(port))
	}
	for from, to := range map[string]string{"library": "data/extensions-library", "builtin": "extensions/services"} {
		if _, err := os.Stat(ts.MkAbs(from)); err == nil {
			ts.Check(copyFilled(ts.MkAbs(from), filepath.Join(s.dir, to), "${IMAGE}", image, "${REGISTRY}", ts.Getenv("REGISTRY")))
		}
	}
}

// copyFilled copies fixture files with pairs of texts replaced; Compose's own variables stay.
func copyFilled(from, to string, pairs ...string) error {
	fill := strings.NewReplacer(pairs...)
	return filepath.WalkDir(from, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		return os.WriteFile(dst, []byte(fill.Replace(string(data))), 0o644)
	})
}

func cmdAgent(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	control(ts, neg, args, "dream-host-agent", &s.agent)
}

func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	control(ts, neg, args, "dashboard-api", &s.api)
}

func control(ts *testscript.TestScript, neg bool, args []string, program string, p **process) {
	var err error
	switch args[0] {
	case "start":
		*p, err = stackOf(ts).start(program, args[1:]...)
	case "stop":
		err = (*p).end(syscall.SIGTERM)
	case "kill":
		err = (*p).end(syscall.SIGKILL)
	case "freeze":
		err = (*p).cmd.Process.Signal(syscall.SIGSTOP)
	case "thaw":
		err = (*p).cmd.Process.Signal(syscall.SIGCONT)
	case "term":
		err = (*p).cmd.Process.Signal(syscall.SIGTERM)
	default:
		ts.Fatalf("usage: %s start|stop|kill|freeze|thaw|term", program)
	}
	if neg != (err != nil) {
		ts.Fatalf("%s %s: %v", program, args[0], err)
	}
}

func cmdAPI(ts *testscript.TestScript, neg bool, args []string) {
	s := stackOf(ts)
	want, key, at, until, variable, again := http.StatusOK, s.key, "", "", "", ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, _ := strings.Cut(args[0], "=")
		switch name {
		case "-status":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			want = n
		case "-key":
			key = value
		case "-at":
			at = value
		case "-until":
			until = value
		case "-async":
			want, variable = http.StatusAccepted, value
		case "-again":
			again = value
		default:
			ts.Fatalf("api: unknown flag %s", name)
		}
		args = args[1:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: api [-status=N] [-key=K] [-at=HOST:PORT] [-until=TEXT] [-async=VARIABLE] [-again=KEY] METHOD PATH [BODY]")
	}
	if at == "" {
		at = s.api.addr
	}
	with := http.Header{"Authorization": {"Bearer " + key}}
	if variable != "" {
		with.Set("Prefer", "respond-async")
	}
	if again != "" {
		with.Set("Idempotency-Key", again)
	}
	var status int
	var header http.Header
	var reply string
	within(func() bool {
		var err error
		status, header, reply, err = s.ask(at, args[0], args[1], strings.Join(args[2:], " "), with)
		ts.Check(err)
		return strings.Contains(reply, until)
	})
	fmt.Fprintln(ts.Stdout(), reply)
	s.replies += reply
	if status != want {
		ts.Fatalf("%s %s: status %d, want %d\n%s", args[0], args[1], status, want, reply)
	}
	if variable != "" {
		ts.Setenv(variable, header.Get("Location"))
		ts.Setenv(variable+"_ID", path.Base(header.Get("Location")))
	}
}

func cmdFetch(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.Get(args[0])
	if err != nil {
		if !neg {
			ts.Fatalf("fetch: %v", err)
		}
		return
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), string(data))
	if neg {
		ts.Fatalf("fetch %s: answers", args[0])
	}
}

func cmdService(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: service NAME STATE")
	}
	s := stackOf(ts)
	var seen string
	if !within(func() bool {
		containers, err := s.containers()
		ts.Check(err)
		seen = "absent"
		for _, c := range containers {
			if c.Service == args[0] {
				seen = c.State
				if c.Health == args[1] {
					seen = c.Health
				}
			}
		}
		return seen == args[1]
	}) {
		ts.Fatalf("service %s is %s, want %s; the agent's log:\n%s", args[0], seen, args[1], s.agentLog())
	}
}

func (s *stack) agentLog() string {
	if s.agent == nil {
		return "(no agent)"
	}
	return s.agent.log.String()
}

func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	want := regexp.MustCompile(args[len(args)-1])
	var last string
	ok := within(func() bool {
		cmd := exec.Command(filepath.Join(bin, "dream"), args[:len(args)-1]...)
		cmd.Env = stackOf(ts).env()
		out, err := cmd.CombinedOutput()
		last = string(out)
		return err == nil && want.MatchString(last) != neg
	})
	if !ok {
		ts.Fatalf("dream %s never printed a match of %s; last:\n%s", strings.Join(args[:len(args)-1], " "), want, last)
	}
}

// within polls until the condition holds. What is polled is outside of this process: there is nothing to wait on.
func within(condition func() bool) bool {
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return true
}

func cmdSetEnv(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(stackOf(ts).setEnv(args[0], args[1]))
}

// cmdHold makes a folder of the installation read-only, or small: hold FOLDER ro|small.
func cmdHold(ts *testscript.TestScript, _ bool, args []string) {
	dir := filepath.Join(stackOf(ts).dir, args[0])
	opts := map[string]string{"ro": "ro,size=1m", "small": "size=1m"}[args[1]]
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", opts, "tmpfs", dir).CombinedOutput()
	if err != nil {
		ts.Fatalf("mount: %v\n%s", err, out)
	}
}

func cmdBigFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), make([]byte, 3<<20), 0o644))
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.MkAbs(args[0])
	if neg || !within(func() bool { _, err := os.Lstat(file); return os.IsNotExist(err) }) {
		ts.Fatalf("%s is still there; the agent's log:\n%s", args[0], stackOf(ts).agentLog())
	}
}
