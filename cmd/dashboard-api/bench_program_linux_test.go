package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dreamserver"
)

// The benchmarks measure the program as it runs: in a process of its own, over TCP. This binary is that program, or the
// bare handler that it is compared with, when it is told so.
const benchRole = "DREAM_BENCH_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(benchRole) {
	case "api":
		os.Args = os.Args[:1]
		main()
	case "bare":
		fmt.Fprintln(os.Stderr, serveBare(os.Getenv("DREAM_BENCH_REPLY")))
		os.Exit(exitFailed)
	}
	os.Exit(m.Run())
}

// bareReply is what the bare handler writes, whatever it is asked.
type bareReply struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// serveBare answers every request with the reply in the file.
func serveBare(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var reply bareReply
	if err := json.Unmarshal(data, &reply); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "{\"message\":\"listening\",\"addr\":%q}\n", l.Addr())
	return (&http.Server{ReadHeaderTimeout: readHeaderTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), reply.Header)
		w.WriteHeader(reply.Status)
		_, _ = w.Write(reply.Body) // nobody to tell
	})}).Serve(l)
}

// program is a process of this binary in a role.
type program struct {
	b    *testing.B
	cmd  *exec.Cmd
	addr string
}

// launch starts the role and waits until it listens.
func launch(b *testing.B, role string, env ...string) *program {
	b.Helper()
	p := &program{b: b, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append([]string{benchRole + "=" + role, "PATH=" + os.Getenv("PATH")}, env...)
	log, err := p.cmd.StderrPipe()
	must(b, err)
	must(b, p.cmd.Start())
	b.Cleanup(p.end)
	lines := bufio.NewScanner(log)
	for p.addr == "" && lines.Scan() {
		var line struct {
			Message string `json:"message"`
			Addr    string `json:"addr"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
			p.addr = line.Addr
		}
	}
	if p.addr == "" {
		b.Fatalf("%s ended before it listened", role)
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return p
}

func (p *program) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu is what the process has used so far. The kernel counts in hundredths of a second.
func (p *program) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	must(p.b, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the memory of the process that is in RAM, in bytes.
func (p *program) resident() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	must(p.b, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	must(p.b, err)
	return kb << 10
}

// ask sends one request and returns the reply.
func (p *program) ask(path string, header http.Header) bareReply {
	p.b.Helper()
	r, err := http.NewRequestWithContext(p.b.Context(), http.MethodGet, "http://"+p.addr+path, nil)
	must(p.b, err)
	r.Header = header.Clone()
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	must(p.b, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(p.b, err)
	return bareReply{resp.StatusCode, resp.Header, body}
}

// settled waits until the program has hardly anything to do: everything is judged, and services are asked how they are.
func (p *program) settled() {
	p.b.Helper()
	for before := p.cpu(); ; {
		time.Sleep(time.Second)
		now := p.cpu()
		if now-before < 150*time.Millisecond {
			return
		}
		before = now
	}
}

func withKey(more ...string) http.Header {
	h := http.Header{"Authorization": {"Bearer " + key}, "Accept-Encoding": {"identity"}}
	for pair := range slices.Chunk(more, 2) {
		h.Set(pair[0], pair[1])
	}
	return h
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// benchInstallation is what ships, and extensions that somebody has installed, so that all are n.
func benchInstallation(b *testing.B, n int) (dir string, env []string) {
	b.Helper()
	dir = b.TempDir()
	must(b, os.CopyFS(dir, dreamserver.Assets))
	shipped, err := filepath.Glob(dir + "/extensions/*/*/manifest.yaml")
	must(b, err)
	for i := range n - len(shipped) {
		writeExtension(b, dir, fmt.Sprintf("own-%05d", i), "An extension like many others")
	}
	return dir, []string{
		"DREAM_INSTALL_DIR=" + dir, "DREAM_EXTENSIONS_LIBRARY_DIR=" + dir + "/extensions/library", "DASHBOARD_API_KEY=" + key,
		"DASHBOARD_API_PORT=0", "DREAM_LOG_LEVEL=info",
	}
}

func writeExtension(b *testing.B, dir, id, description string) {
	b.Helper()
	own := filepath.Join(dir, "data", "user-extensions", id)
	must(b, os.MkdirAll(own, 0o755))
	for name, content := range map[string]string{
		"manifest.yaml": fmt.Sprintf("schema_version: dream.services.v1\nservice:\n  id: %s\n  name: Extension %[1]s\n  description: %s\n"+
			"  category: optional\n  port: 8080\n  external_port_default: 0\n  health: /health\n  gpu_backends: [all]\n  env_vars:\n"+
			"    - {key: %s_LEVEL, default: info, description: How much is logged}\n", id, description, strings.ToUpper(strings.ReplaceAll(id, "-", "_"))),
		"compose.yaml": fmt.Sprintf("services:\n  %s:\n    image: example/%[1]s:1.0.0\n    restart: unless-stopped\n    networks: [dream-network]\n"+
			"networks:\n  dream-network:\n    external: true\n", id),
	} {
		must(b, os.WriteFile(filepath.Join(own, name), []byte(content), 0o644))
	}
}
