package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// checkup makes an installation and examines it with f as its agent, on a machine where these ports are in use.
func checkup(t *testing.T, f *fakeAgent, inUse ...int) (doctor.Report, int) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "in")
	if f.audit == nil {
		f.audit = func(context.Context, int) []catalog.AuditEntry { return nil }
	}
	env := map[string]string{
		"DREAM_INSTALL_DIR": dir, "HOME": "/nowhere", "GPU_BACKEND": "intel", "DREAM_UID": "", "DOCKER_HOST": "unix://" + dir + "/docker.sock",
	}
	var out bytes.Buffer
	a := &app{
		getenv: func(key string) string { return env[key] }, stdout: &out, stderr: &out,
		newAgent:  func(config.Settings) agentClient { return f },
		portInUse: func(_, _ string, port int) bool { return slices.Contains(inUse, port) },
		gpus:      gpu.NewMachine(gpu.Options{Root: fstest.MapFS{}, SMI: "-"}),
	}
	if code := a.run(t.Context(), []string{"init"}); code != 0 {
		t.Fatal(out.String())
	}
	out.Reset()
	code := a.run(t.Context(), []string{"doctor", "--json"})
	var r doctor.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return r, code
}

// of are the findings of a check, "severity title".
func of(r doctor.Report, id string) []string {
	var found []string
	for _, f := range r.Checks {
		if f.ID == id {
			found = append(found, string(f.Severity)+" "+f.Title)
		}
	}
	return found
}

func running() *fakeAgent {
	return &fakeAgent{
		status: catalog.AgentStatus{Available: true, Version: "2.1.0"},
		facts: catalog.HostFacts{
			Engine: compose.EngineVersion{Version: "28.2.2", API: "1.50"}, Compose: "5.5.1", Setup: compose.EngineInfo{Root: "/", Runtimes: []string{"runc"}},
			Published: []compose.Publication{}, Leftovers: []string{},
		},
	}
}

// A user whom the driver does not let in is told what the agent sees.
func TestDoctor_TakesTheAgentsWordOnGPUs(t *testing.T) {
	f := running()
	check := func(want string) {
		t.Helper()
		r, _ := checkup(t, f)
		if diff := cmp.Diff([]string{want}, of(r, "gpu")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check("error GPU_BACKEND is intel, and /dev/dri is not there: the Intel driver is not loaded")
	f.facts.GPUs = gpu.Facts{DRI: true, Devices: []gpu.Device{{Vendor: gpu.Intel}}}
	check("ok GPU_BACKEND is intel, and /dev/dri is there")
}

// What the agent says of Docker counts, also where this user cannot ask Docker.
func TestDoctor_AsksTheAgentFirst(t *testing.T) {
	f := running()
	f.facts.Published = []compose.Publication{
		{Name: "dream-dashboard", Project: "dream-server", Service: "dashboard", Port: 3001, Protocol: "tcp"},
		{Name: "theirs", Port: 3002, Protocol: "tcp"},
	}
	f.facts.Leftovers = []string{"grants/gone.json"}
	r, code := checkup(t, f, 3001, 3002, 7710)
	for id, want := range map[string][]string{
		"agent":   {"ok the host agent answers (version 2.1.0)"},
		"docker":  {"ok Docker Engine 28.2.2 answers (API 1.50)"},
		"compose": {"ok docker compose 5.5.1"},
		"starts":  {"ok no start has failed since the agent runs"},
	} {
		if diff := cmp.Diff(want, of(r, id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	ports := of(r, "ports")
	if len(ports) != 2 || ports[0] != "error port 3002 on 127.0.0.1 is taken by container theirs" || !strings.HasPrefix(ports[1], "ok ports that services publish: 2 ours, ") {
		t.Errorf("ports: %q", ports)
	}
	if got := of(r, "leftovers"); len(got) != 1 || got[0] != "warning 1 record is about extensions that are gone" {
		t.Errorf("leftovers: %q", got)
	}
	if got := of(r, "disk"); len(got) != 2 || !strings.Contains(got[1], "Docker's images and volumes (/)") {
		t.Errorf("disk: %q", got)
	}
	if code != 1 || r.Result != doctor.Error {
		t.Errorf("exit code %d, result %s", code, r.Result)
	}
}

func TestDoctor_ExitsWith0WhenThereIsNoError(t *testing.T) {
	f := running()
	f.status.Mismatch = "the host agent is 2.0.0"
	r, code := checkup(t, f)
	errs := 0
	for _, c := range r.Checks {
		// What this machine's own disk and devices are like is none of the test's business.
		if c.Severity == doctor.Error && c.ID != "disk" && c.ID != "gpu" {
			t.Errorf("%+v", c)
		}
		if c.Severity == doctor.Error {
			errs++
		}
	}
	if want := min(errs, 1); code != want {
		t.Errorf("exit code %d with %d errors", code, errs)
	}
}

func TestDoctor_TellsWhatFailedAndWhen(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f := running()
	f.state = catalog.State{
		Failures:   map[string]string{"searxng": "exited with code 3"},
		Containers: []compose.Container{{Name: "dream-litellm", Service: "litellm", State: "restarting"}},
	}
	f.audit = func(context.Context, int) []catalog.AuditEntry {
		return []catalog.AuditEntry{
			{Time: at.Add(time.Hour), Op: "stop", Extension: "searxng", Result: "ok"},
			{Time: at, Op: "start", Extension: "searxng", Result: "start_failed"},
			{Time: at, Op: "start", Extension: "litellm", Result: "ok"},
		}
	}
	r, _ := checkup(t, f)
	want := []string{"error litellm does not run as it should", "error searxng failed to start at 2026-01-02T03:04:05Z"}
	if diff := cmp.Diff(want, of(r, "starts")); diff != "" {
		t.Errorf("starts (-want +got):\n%s", diff)
	}
}

func TestDoctor_TellsThatTheAgentHasNoDocker(t *testing.T) {
	f := running()
	f.status.Docker, f.facts = "the Docker Engine does not answer at unix:///x: start it", catalog.HostFacts{}
	r, _ := checkup(t, f)
	if diff := cmp.Diff([]string{"error the Docker Engine does not answer"}, of(r, "docker")); diff != "" {
		t.Errorf("docker (-want +got):\n%s", diff)
	}
}

func TestEnvFacts_TellsALinkAndWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write(t, file("file"), "A=1\n")
	if err := errors.Join(os.Symlink("file", file("link")), os.Symlink("nowhere", file("dangling")), os.Mkdir(file("folder"), 0o700), syscall.Mkfifo(file("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]doctor.Settings{
		"file":     {},
		"link":     {Link: true},
		"dangling": {Link: true, Missing: true},
		"folder":   {Kind: "a folder"},
		"pipe":     {Kind: "a named pipe"},
		"absent":   {Missing: true},
	} {
		x := &examination{settings: config.Settings{EnvFile: file(name)}}
		got := x.envFacts()
		got.Keys, got.File = nil, ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// An agent that hangs, or takes another key, is there: its port is not somebody else's.
func TestDoctor_KnowsThePortOfAnAgentThatHangs(t *testing.T) {
	for code, own := range map[problem.Code]bool{problem.AgentHung: true, problem.AgentUnauthorized: true, problem.AgentNoSocket: false} {
		f := running()
		f.away = problem.Newf(code, "away")
		r, _ := checkup(t, f, 7710)
		var taken bool
		for _, title := range of(r, "ports") {
			taken = taken || strings.Contains(title, "port 7710 on 127.0.0.1")
		}
		if taken == own {
			t.Errorf("%s: %q", code, of(r, "ports"))
		}
	}
}

func TestCertificateFacts(t *testing.T) {
	dir := t.TempDir()
	s := config.Settings{InstallDir: dir, LANAddress: "192.168.1.5", AllowedHosts: []string{"dream.lan", "other.lan"}}
	if err := os.Mkdir(s.TLSDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := certificateFacts(s); got.Problem == "" || !got.Needed || got.Denied {
		t.Errorf("without a certificate: %+v", got)
	}
	until := time.Now().Add(240 * time.Hour).UTC().Truncate(time.Second)
	writeCertificate(t, s.TLSDir(), until, "dream.lan")
	got := certificateFacts(s)
	if diff := cmp.Diff([]string{"other.lan"}, got.Foreign); diff != "" || got.Problem != "" || !got.Until.Equal(until) {
		t.Errorf("with one: %+v (-want +got):\n%s", got, diff)
	}
	if err := os.WriteFile(filepath.Join(s.TLSDir(), "key.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := certificateFacts(s); !strings.Contains(got.Problem, "key") {
		t.Errorf("with a key that is none: %+v", got)
	}
	s.LANAddress = "127.0.0.1"
	if got := certificateFacts(s); got.Needed {
		t.Errorf("on loopback: %+v", got)
	}
}

func writeCertificate(t *testing.T, dir string, until time.Time, host string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until, DNSNames: []string{host}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
}
