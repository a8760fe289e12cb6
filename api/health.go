package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// readyBody answers "is it up, and if not, what is missing". Only a required check makes the API unready: while
// the host agent or Docker is away it still answers every read, and changes of files go on.
type readyBody struct {
	Status  string  `json:"status" enum:"ok,degraded,unavailable" doc:"unavailable, with 503, when a required check fails; degraded when another does"`
	Version string  `json:"version"`
	Checks  []check `json:"checks"`
}

type check struct {
	Name     string `json:"name" enum:"data_readable,data_writable,changes,library,agent,agent_version,docker,policies"`
	OK       bool   `json:"ok"`
	Required bool   `json:"required" doc:"the API cannot serve without it"`
	Code     string `json:"code,omitempty" doc:"why not; for the agent: agent_no_socket, agent_refused, agent_unauthorized, agent_hung"`
	Reason   string `json:"reason,omitempty" doc:"the same in words, with what to do"`
}

type readyReply struct {
	Status int
	Body   readyBody
}

func (s *server) health(context.Context, *struct{}) (*reply[healthBody], error) {
	return respond(healthBody{Status: "ok", Timestamp: s.now().UTC()}, nil)
}

func (s *server) alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the client left: nobody to tell
}

func (s *server) ready(context.Context, *struct{}) (*readyReply, error) {
	snapshot := s.extensions.Snapshot()
	body := readyBody{Status: "ok", Version: s.version, Checks: append(
		s.checkData(), s.checkChanges(), s.checkLibrary(snapshot), checkAgent(snapshot.Agent), checkVersion(snapshot.Agent), checkDocker(snapshot.Agent), checkPolicies(snapshot.Agent),
	)}
	status := http.StatusOK
	for _, c := range body.Checks {
		switch {
		case c.OK:
		case c.Required:
			body.Status, status = "unavailable", http.StatusServiceUnavailable
		case body.Status == "ok":
			body.Status = "degraded"
		}
	}
	return &readyReply{status, body}, nil
}

// checkData looks at the two folders that the API owns. One that does not exist yet is made by the first change,
// so the folder counts that it will be made in.
func (s *server) checkData() []check {
	readable := check{Name: "data_readable", OK: true, Required: true}
	writable := check{Name: "data_writable", OK: true}
	for _, dir := range []string{s.settings.UserExtensionsDir, s.settings.OperationsDir} {
		dir = nearestExisting(dir)
		if _, err := os.ReadDir(dir); err != nil && readable.OK {
			readable.fail(problem.Unavailable, fmt.Sprintf("%v: give it to the user that runs the API", err))
		}
		if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil && writable.OK {
			writable.fail(problem.DataReadOnly, fmt.Sprintf("%s cannot be written: %v; nothing can be installed, enabled or disabled", dir, err))
		}
	}
	return []check{readable, writable}
}

func nearestExisting(dir string) string {
	for {
		_, err := os.Lstat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return dir
		}
		dir = parent
	}
}

func (s *server) checkChanges() check {
	c := check{Name: "changes", OK: true}
	if s.settings.ReadOnly {
		c.fail(problem.ReadOnly, "DREAM_READ_ONLY is set: every change is refused")
	}
	return c
}

func (s *server) checkLibrary(snapshot *catalog.Snapshot) check {
	c := check{Name: "library", OK: true}
	if !snapshot.LibraryAvailable {
		c.fail(problem.LibraryUnavailable, s.settings.LibraryDir+" is missing or empty: run `dream init`")
	}
	return c
}

func checkAgent(a catalog.AgentStatus) check {
	return check{Name: "agent", OK: a.Available, Code: a.Code, Reason: a.Reason}
}

func checkVersion(a catalog.AgentStatus) check {
	return toldByAgent(a, "agent_version", "version_mismatch", a.Mismatch)
}

func checkDocker(a catalog.AgentStatus) check {
	return toldByAgent(a, "docker", problem.DockerUnavailable, a.Docker)
}

func checkPolicies(a catalog.AgentStatus) check {
	return toldByAgent(a, "policies", problem.PolicyLocked, a.Policies)
}

// toldByAgent is a check of what the host agent says is wrong; nothing is where it says nothing.
func toldByAgent(a catalog.AgentStatus, name string, code problem.Code, wrong string) check {
	c := check{Name: name, OK: true}
	switch {
	case !a.Available:
		c.fail(problem.Unavailable, "not known while the host agent is away")
	case wrong != "":
		c.fail(code, wrong)
	}
	return c
}

func (c *check) fail(code problem.Code, reason string) {
	c.OK, c.Code, c.Reason = false, string(code), reason
}
