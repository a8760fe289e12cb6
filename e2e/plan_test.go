package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdHash puts the hash of an extension's plan into a variable: hash VARIABLE ID.
func cmdHash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hash VARIABLE ID")
	}
	ts.Check(ts.Exec("dream", "plan", args[1], "--json"))
	var plan struct {
		Hash string `json:"plan_hash"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &plan))
	ts.Setenv(args[0], plan.Hash)
}

// cmdContainer puts the id of a service's container into a variable: container VARIABLE SERVICE.
func cmdContainer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: container VARIABLE SERVICE")
	}
	out, err := exec.Command("docker", "inspect", "-f", "{{.Id}} {{.State.StartedAt}}", stackOf(ts).names.Prefix+args[1]).Output()
	ts.Check(err)
	ts.Setenv(args[0], strings.ReplaceAll(strings.TrimSpace(string(out)), " ", "@"))
}
