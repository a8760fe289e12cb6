package agent_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

func TestServer_SaysThatDockerIsAway(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.engine.set(func(e *fakeEngine) { e.down = true })
	for _, call := range []string{"start", "stop", "restart", "remove", "logs"} {
		status, body := in.request(http.MethodPost, "/v1/extension/"+call, `{"service_id": "app"}`)
		d := decode[problem.Document](t, body)
		if status != http.StatusServiceUnavailable || d.Code != problem.DockerUnavailable || d.Legacy != errDown.Detail {
			t.Errorf("%s: %d %s", call, status, body)
		}
	}
	status, err := in.client.Ping(t.Context())
	in.must(err)
	wantEqual(t, "ping", catalog.AgentStatus{Available: true, Version: version, Docker: errDown.Detail}, status)
	status2, body := in.request(http.MethodPost, "/v1/extension/check", `{"service_id": "app"}`)
	if status2 != http.StatusOK {
		t.Errorf("check needs Docker: %s", body)
	}
}

func TestServer_SaysWhenDockerIsToldToBeDown(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) {
		s.Fails["up"] = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
	})
	_, err := in.start("app")
	in.wantRefusal(err, problem.DockerUnavailable, "the Docker Engine does not answer: start it and try again "+
		"(docker compose up: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?)")
}

func TestServer_BusyNamesTheOperation(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("other", ""))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	first := make(chan error, 1)
	go func() { _, err := in.start("app"); first <- err }()
	in.docker.entered()
	_, err := in.start("app")
	in.wantRefusal(err, problem.Busy, `extension "app": start is in progress: wait until it is done`)
	in.must(in.client.Stop(t.Context(), "other"))
	in.docker.release()
	in.must(<-first)
}

// A start can take as long as the healthchecks of what it depends on. Turning it off does not wait for that.
func TestServer_TurningOffEndsAStart(t *testing.T) {
	for name, off := range map[string]func(in *installation) error{
		"stop":   func(in *installation) error { return in.client.Stop(in.t.Context(), "app") },
		"remove": func(in *installation) error { return in.client.Remove(in.t.Context(), "app") },
		"down":   func(in *installation) error { return in.client.Down(in.t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, extension("app", ""))
			in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
			first := make(chan error, 1)
			go func() { _, err := in.start("app"); first <- err }()
			in.docker.entered()
			in.must(off(in))
			in.wantRefusal(<-first, problem.StartFailed, `extension "app": start was ended, because it was told to stop`)
			if state, err := in.client.Containers(in.t.Context()); err != nil || len(state.Failures) > 0 {
				t.Errorf("failures = %v, %v; want none", state.Failures, err)
			}
			if state := in.docker.services()["app"]; state == "running" {
				t.Error("it runs all the same")
			}
		})
	}
}

func TestServer_DownIsDoneWhenOnlyTheNetworkStays(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Fails["down"] = "network dream-network has active endpoints" })
	in.must(in.client.Down(t.Context()))
	in.mustStart("app")
	in.wantRefusal(in.client.Down(t.Context()), problem.StopFailed, "docker compose down: network dream-network has active endpoints")
}

// The work goes on without its client.
func TestServer_FinishesWithoutItsClient(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", in.settings.AgentSocket)
	in.must(err)
	fmt.Fprintf(conn, "POST /v1/extension/start HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer %s\r\nContent-Length: 21\r\n\r\n{\"service_id\": \"app\"}", key)
	in.docker.entered()
	conn.Close()
	in.docker.release()
	in.log.wait(t, `"op":"start"`)
	wantEqual(t, "containers", map[string]string{"app": "running"}, in.docker.services())
}

func TestServer_DropsAClientThatSendsTooLittle(t *testing.T) {
	in := newInstallation(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", in.settings.AgentSocket)
	in.must(err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/extension/start HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", key)
	in.must(conn.(*net.UnixConn).CloseWrite())
	reply, err := io.ReadAll(conn)
	in.must(err)
	if !strings.HasPrefix(string(reply), "HTTP/1.1 400 ") || !strings.Contains(string(reply), "shorter than it says") {
		t.Errorf("got %s", reply)
	}
}
