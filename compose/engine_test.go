package compose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// newEngine is an Engine that talks to the handlers; their patterns are below the API's version.
func newEngine(t *testing.T, handlers map[string]http.HandlerFunc) *compose.Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "d.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	for pattern, h := range handlers {
		mux.HandleFunc(pattern, h)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"message":"no handler for %s"}`, r.URL)
	})
	server := httptest.NewUnstartedServer(mux)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	e, err := compose.NewEngine("unix://"+socket, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(); server.Close() })
	return e
}

func answer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func TestEngine_Version(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/version": answer(`{"Version":"20.10.24","ApiVersion":"1.41","Os":"linux","Arch":"amd64"}`),
	})
	got, err := e.Version(t.Context())
	if want := (compose.EngineVersion{Version: "20.10.24", API: "1.41", OS: "linux", Arch: "amd64"}); err != nil || got != want {
		t.Errorf("Version = %+v, %v; want %+v", got, err, want)
	}
}

func TestEngine_SaysThatItIsAway(t *testing.T) {
	e, err := compose.NewEngine("unix:///nowhere/docker.sock", "test")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const want = "the Docker Engine does not answer at unix:///nowhere/docker.sock: start it (systemctl start docker) and try again"
	ctx := t.Context()
	calls := map[string]func() error{
		"Ping":       func() error { return e.Ping(ctx) },
		"Version":    func() error { _, err := e.Version(ctx); return err },
		"Containers": func() error { _, err := e.Containers(ctx); return err },
		"Inspect":    func() error { _, err := e.Inspect(ctx, "x"); return err },
		"ImageID":    func() error { _, err := e.ImageID(ctx, "x"); return err },
		"ImageUser":  func() error { _, err := e.ImageUser(ctx, "x"); return err },
		"PortHolder": func() error { _, err := e.PortHolder(ctx, 80, "tcp", nil); return err },
		"Published":  func() error { _, err := e.Published(ctx); return err },
		"Info":       func() error { _, err := e.Info(ctx); return err },
		"Logs":       func() error { _, err := e.Logs(ctx, []compose.Container{{ID: "x"}}, 1); return err },
		"Changes":    func() error { _, failed := e.Changes(ctx); return <-failed },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { wantRefusal(t, call(), problem.DockerUnavailable, want) })
	}
}

func TestEngine_TellsARefusalFromAnAbsence(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, `{"message":"disk is on fire"}`)
		},
	})
	if _, err := e.Containers(t.Context()); problem.As(err).Code != problem.Internal || !strings.Contains(err.Error(), "disk is on fire") {
		t.Errorf("Containers = %v, want an internal error with the engine's words", err)
	}
	if _, err := e.Inspect(t.Context(), "gone"); problem.As(err).Code != problem.NotFound {
		t.Errorf("Inspect = %v, want not_found", err)
	}
	if got, err := e.ImageID(t.Context(), "gone"); got != "" || err != nil {
		t.Errorf("ImageID = %q, %v; want none", got, err)
	}
}

func TestNewEngine_RefusesAHostThatIsNone(t *testing.T) {
	if _, err := compose.NewEngine("nonsense", "test"); err == nil {
		t.Error("NewEngine(nonsense) = nil error, want one")
	}
}

func TestEngine_ListsTheProjectsContainers(t *testing.T) {
	var filters string
	var all string
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": func(w http.ResponseWriter, r *http.Request) {
			filters, all = r.URL.Query().Get("filters"), r.URL.Query().Get("all")
			io.WriteString(w, `[
{"Id":"3","Names":["/test-web"],"Image":"web:1","State":"running","Status":"Up 2 minutes (healthy)","Labels":{"com.docker.compose.service":"web"},
 "Ports":[{"IP":"127.0.0.1","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":9000,"Type":"tcp"}]},
{"Id":"2","Names":["/test-api-2"],"State":"running","Status":"Up 1 second (health: starting)","Labels":{"com.docker.compose.service":"api"}},
{"Id":"1","Names":["/test-api-1"],"State":"running","Status":"Up 3 days (unhealthy)","Labels":{"com.docker.compose.service":"api"}},
{"Id":"4","Names":[],"State":"exited","Status":"Exited (1) 2 hours ago","Labels":{"com.docker.compose.service":"none"}},
{"Id":"5","Names":["/test-run"],"State":"running","Status":"Up","Labels":{"com.docker.compose.service":"api","com.docker.compose.oneoff":"True"}}]`)
		},
	})
	got, err := e.Containers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []compose.Container{
		{ID: "1", Name: "test-api-1", Service: "api", State: "running", Health: "unhealthy"},
		{ID: "2", Name: "test-api-2", Service: "api", State: "running", Health: "starting"},
		{ID: "4", Service: "none", State: "exited", ExitCode: 1},
		{
			ID: "3", Name: "test-web", Service: "web", Image: "web:1", State: "running", Health: "healthy",
			Ports: []compose.Port{{IP: "127.0.0.1", Host: 8080, Container: 80, Protocol: "tcp"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Containers (-want +got):\n%s", diff)
	}
	if want := `{"label":{"com.docker.compose.project=test":true}}`; filters != want || all != "1" {
		t.Errorf("asked for filters %s, all=%s; want %s, all=1", filters, all, want)
	}
}

func TestEngine_Inspect(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/sick/json": answer(`{"Id":"sick","Name":"/test-web","RestartCount":2,
"Config":{"Image":"web:1","Tty":true,"Labels":{"com.docker.compose.service":"web"}},
"HostConfig":{"RestartPolicy":{"Name":"unless-stopped"}},
"State":{"Status":"exited","ExitCode":137,"OOMKilled":true,"Error":"oops","StartedAt":"2026-01-02T03:04:05.5Z",
 "Health":{"Status":"unhealthy","Log":[{"Output":"first"},{"Output":"last"}]}}}`),
		"GET /v1.41/containers/once/json": answer(`{"Id":"once","Name":"/test-init","Config":{},"HostConfig":{"RestartPolicy":{"Name":"no"}},
"State":{"Status":"created","StartedAt":"0001-01-01T00:00:00Z","Health":{"Status":"none"}}}`),
	})
	tests := map[string]compose.Container{
		"sick": {
			ID: "sick", Name: "test-web", Service: "web", Image: "web:1", State: "exited", Health: "unhealthy", ExitCode: 137, OOMKilled: true,
			Error: "oops", Restarts: 2, StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC), LastHealth: "last", TTY: true,
		},
		"once": {ID: "once", Name: "test-init", State: "created", OneShot: true},
	}
	for id, want := range tests {
		got, err := e.Inspect(t.Context(), id)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Inspect(%s): %v (-want +got):\n%s", id, err, diff)
		}
	}
}

func TestEngine_Images(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/images/web/json":  answer(`{"Id":"sha256:1","Config":{"User":"1000:1000"}}`),
		"GET /v1.41/images/bare/json": answer(`{"Id":"sha256:2"}`),
	})
	for _, tt := range []struct{ ref, id, user string }{{"web", "sha256:1", "1000:1000"}, {"bare", "sha256:2", ""}} {
		if id, err := e.ImageID(t.Context(), tt.ref); id != tt.id || err != nil {
			t.Errorf("ImageID(%s) = %q, %v; want %q", tt.ref, id, err, tt.id)
		}
		if user, err := e.ImageUser(t.Context(), tt.ref); user != tt.user || err != nil {
			t.Errorf("ImageUser(%s) = %q, %v; want %q", tt.ref, user, err, tt.user)
		}
	}
}

func TestEngine_Info(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/info": answer(`{"DockerRootDir":"/var/lib/docker","Runtimes":{"runc":{"path":"runc"},"nvidia":{"path":"nvidia-container-runtime"}}}`),
	})
	got, err := e.Info(t.Context())
	want := compose.EngineInfo{Root: "/var/lib/docker", Runtimes: []string{"nvidia", "runc"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Info (-want +got), %v:\n%s", err, diff)
	}
}

func TestEngine_PublishedListsEachPortOfAContainerOnce(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": answer(`[
{"Names":["/mine"],"Labels":{"com.docker.compose.project":"test","com.docker.compose.service":"web"},"Ports":[{"IP":"0.0.0.0","PublicPort":80,"Type":"tcp"},{"IP":"::","PublicPort":80,"Type":"tcp"},{"PrivatePort":9000,"Type":"tcp"}]},
{"Names":["/lan"],"Ports":[{"IP":"192.168.1.5","PublicPort":83,"Type":"tcp"}]},
{"Names":["/by-hand"],"Ports":[{"IP":"127.0.0.1","PublicPort":53,"Type":"udp"}]}]`),
	})
	got, err := e.Published(t.Context())
	want := []compose.Publication{
		{Name: "mine", Project: "test", Service: "web", Port: 80, Protocol: "tcp"},
		{Name: "by-hand", Port: 53, Protocol: "udp"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Published (-want +got), %v:\n%s", err, diff)
	}
}

func TestEngine_PortHolder(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": answer(`[
{"Names":["/mine"],"Labels":{"com.docker.compose.project":"test","com.docker.compose.service":"web"},"Ports":[{"IP":"127.0.0.1","PublicPort":80,"Type":"tcp"}]},
{"Names":["/others"],"Labels":{"com.docker.compose.project":"other","com.docker.compose.service":"web"},"Ports":[{"IP":"0.0.0.0","PublicPort":81,"Type":"tcp"},{"IP":"::1","PublicPort":82,"Type":"udp"}]},
{"Names":["/lan"],"Ports":[{"IP":"192.168.1.5","PublicPort":83,"Type":"tcp"}]},
{"Names":["/old"],"Ports":[{"PublicPort":84,"Type":"tcp"}]}]`),
	})
	tests := []struct {
		port     int
		protocol string
		want     string
	}{
		{80, "tcp", ""}, {81, "tcp", "others"}, {81, "udp", ""}, {82, "udp", "others"}, {83, "tcp", ""}, {84, "tcp", "old"}, {85, "tcp", ""},
	}
	for _, tt := range tests {
		got, err := e.PortHolder(t.Context(), tt.port, tt.protocol, func(service string) bool { return service == "web" })
		if got != tt.want || err != nil {
			t.Errorf("PortHolder(%d/%s) = %q, %v; want %q", tt.port, tt.protocol, got, err, tt.want)
		}
	}
}

func TestEngine_Logs(t *testing.T) {
	var tails []string
	log := func(text func(w io.Writer)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			tails = append(tails, r.URL.Query().Get("tail"))
			text(w)
		}
	}
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/web/json": answer(`{"Config":{"Tty":false}}`),
		"GET /v1.41/containers/web/logs": log(func(w io.Writer) {
			io.WriteString(stdcopy.NewStdWriter(w, stdcopy.Stdout), "2026-01-01T00:00:01Z one\n")
			io.WriteString(stdcopy.NewStdWriter(w, stdcopy.Stderr), "2026-01-01T00:00:03Z three\r\n2026-01-01T00:00:04Z \n")
		}),
		"GET /v1.41/containers/db/json": answer(`{"Config":{"Tty":true}}`),
		"GET /v1.41/containers/db/logs": log(func(w io.Writer) {
			io.WriteString(w, "2026-01-01T00:00:00Z zero\r\n2026-01-01T00:00:02Z two words\r\n")
		}),
	})
	got, err := e.Logs(t.Context(), []compose.Container{{ID: "web", Service: "web"}, {ID: "db", Service: "web-db"}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := []compose.LogLine{
		{Time: "2026-01-01T00:00:01Z", Service: "web", Stream: "stdout", Text: "one"},
		{Time: "2026-01-01T00:00:02Z", Service: "web-db", Stream: "stdout", Text: "two words"},
		{Time: "2026-01-01T00:00:03Z", Service: "web", Stream: "stderr", Text: "three"},
		{Time: "2026-01-01T00:00:04Z", Service: "web", Stream: "stderr"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Logs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"4", "4"}, tails); diff != "" {
		t.Errorf("tails asked for (-want +got):\n%s", diff)
	}
}

func TestEngine_LogsAreBounded(t *testing.T) {
	const line = "2026-01-01T00:00:01Z x\n"
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/web/json": answer(`{"Config":{"Tty":true}}`),
		"GET /v1.41/containers/web/logs": func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				w.Write(bytes.Repeat([]byte(line), 1<<20/len(line)))
			}
		},
	})
	got, err := e.Logs(t.Context(), []compose.Container{{ID: "web"}}, 1<<30)
	if limit := 4<<20/len(line) + 1; err != nil || len(got) > limit || len(got) < limit-1 {
		t.Errorf("Logs = %d lines, %v; want the first 4 MiB, %d lines", len(got), err, limit)
	}
}

func TestEngine_Changes(t *testing.T) {
	var filters string
	event := func(action string, more string) string {
		return `{"Type":"container","Action":"` + action + `","timeNano":1767312245000000000,"Actor":{"Attributes":{"com.docker.compose.service":"web","name":"test-web"` + more + `}}}` + "\n"
	}
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/events": func(w http.ResponseWriter, r *http.Request) {
			filters = r.URL.Query().Get("filters")
			io.WriteString(w, event("start", "")+event("exec_start: curl", "")+event("health_status: healthy", "")+event("die", `,"exitCode":"137"`))
		},
	})
	changes, failed := e.Changes(t.Context())
	var got []compose.Change
	for c := range changes {
		got = append(got, c)
	}
	at := time.Date(2026, 1, 2, 0, 4, 5, 0, time.UTC)
	want := []compose.Change{
		{Time: at, Service: "web", Container: "test-web", Action: "start"},
		{Time: at, Service: "web", Container: "test-web", Action: "health_status", Health: "healthy"},
		{Time: at, Service: "web", Container: "test-web", Action: "die", Code: "137"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Changes (-want +got):\n%s", diff)
	}
	if err := <-failed; !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v, want EOF: the engine went away", err)
	}
	var asked map[string]map[string]bool
	if err := json.Unmarshal([]byte(filters), &asked); err != nil {
		t.Fatal(err)
	}
	wantFilters := map[string]map[string]bool{"type": {"container": true}, "label": {"com.docker.compose.project=test": true}}
	if diff := cmp.Diff(wantFilters, asked); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
}

func TestEngine_ChangesEndWithTheContext(t *testing.T) {
	open := make(chan struct{})
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/events": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			close(open)
			<-r.Context().Done()
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	changes, failed := e.Changes(ctx)
	<-open
	cancel()
	if _, more := <-changes; more {
		t.Error("a change came, want the end")
	}
	select {
	case err := <-failed:
		t.Errorf("ended with %v, want no error: it was asked to", err)
	default:
	}
}

// What decides about what a container may do is read from the engine's answers, of containers that are the project's or have
// one of the names.
func TestEngine_InspectAll(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": answer(`[
			{"Id": "1", "Names": ["/dream-web"], "Labels": {"com.docker.compose.project": "test", "com.docker.compose.service": "web"}},
			{"Id": "2", "Names": ["/dream-db"], "Labels": {}}, {"Id": "3", "Names": ["/theirs"], "Labels": {}},
			{"Id": "4", "Names": ["/gone"], "Labels": {"com.docker.compose.project": "test"}}]`),
		"GET /v1.41/containers/1/json": answer(`{"Id": "1", "Name": "/dream-web", "Image": "sha256:a",
			"Config": {"Image": "web:1", "User": "7", "Cmd": ["serve"], "Entrypoint": ["/init"], "Env": ["A=1"], "Labels": {"com.docker.compose.project": "test", "com.docker.compose.service": "web", "com.docker.compose.oneoff": "True", "com.docker.compose.config-hash": "c0"}},
			"HostConfig": {"Privileged": false, "ReadonlyRootfs": true, "CapAdd": ["CAP_SYS_NICE"], "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges:true"], "MaskedPaths": [],
				"GroupAdd": ["44"], "PublishAllPorts": true, "NetworkMode": "dream", "PidMode": "host", "IpcMode": "private", "UTSMode": "host", "UsernsMode": "host",
				"DeviceCgroupRules": ["c 1:3 mr"], "Devices": [{"PathOnHost": "/dev/dri", "PathInContainer": "/dev/dri", "CgroupPermissions": "rwm"}],
				"DeviceRequests": [{"Driver": "nvidia", "Count": -1, "DeviceIDs": ["0"], "Capabilities": [["gpu", "utility"]]}],
				"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}, "Tmpfs": {"/tmp": "size=1m"}},
			"Mounts": [{"Type": "bind", "Source": "/data", "Destination": "/d", "RW": false}, {"Type": "volume", "Name": "v", "Source": "/var/lib/docker/v", "Destination": "/v", "RW": true}],
			"NetworkSettings": {"Networks": {"dream": {}, "a": {}}}}`),
		"GET /v1.41/containers/2/json":    answer(`{"Id": "2", "Name": "/dream-db", "Image": "sha256:a", "Config": {"Image": "db:1"}, "HostConfig": {"Privileged": true}}`),
		"GET /v1.41/images/sha256:a/json": answer(`{"Id": "sha256:a", "Config": {"User": "app", "Volumes": {"/var/lib": {}}, "Cmd": ["sh"], "Entrypoint": ["/sh"], "Env": ["PATH=/"], "Labels": {"by": "us"}}}`),
	})
	got, err := e.InspectAll(t.Context(), func(name string) bool { return name == "dream-db" })
	if err != nil {
		t.Fatal(err)
	}
	says := compose.ImageDefaults{Command: []string{"sh"}, Entrypoint: []string{"/sh"}, Env: []string{"PATH=/"}, Labels: map[string]string{"by": "us"}}
	want := []compose.Inspected{
		{Defaults: says, ID: "2", Name: "dream-db", Image: "db:1", ImageID: "sha256:a", ImageUser: "app", ImageVolumes: []string{"/var/lib"}, Privileged: true},
		{
			Defaults: says, Command: []string{"serve"}, Entrypoint: []string{"/init"}, Env: []string{"A=1"}, ConfigDigest: "c0",
			Labels: map[string]string{
				"com.docker.compose.project": "test", "com.docker.compose.service": "web", "com.docker.compose.oneoff": "True", "com.docker.compose.config-hash": "c0",
			},
			ID: "1", Name: "dream-web", Project: "test", Service: "web", OneOff: true, Image: "web:1", ImageID: "sha256:a", User: "7", ImageUser: "app", ImageVolumes: []string{"/var/lib"},
			ReadOnly: true, CapAdd: []string{"CAP_SYS_NICE"}, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges:true", "systempaths=unconfined"}, Groups: []string{"44"},
			Mounts: []compose.Mounted{
				{Type: "bind", Source: "/data", Target: "/d", ReadOnly: true}, {Type: "volume", Source: "v", Target: "/v"}, {Type: "tmpfs", Target: "/tmp"},
			},
			Ports: []string{"127.0.0.1:8080:80/tcp"}, AllPorts: true, NetworkMode: "dream", PIDMode: "host", IPCMode: "private", UTSMode: "host", UsernsMode: "host",
			Devices: []string{"/dev/dri:/dev/dri:rwm"}, DeviceRules: []string{"c 1:3 mr"},
			Requests: []compose.DeviceRequested{{Driver: "nvidia", Count: -1, IDs: []string{"0"}, Capabilities: []string{"gpu", "utility"}}},
			Networks: []string{"a", "dream"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
