package shipped_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Who asks plugins has all of them; the API asks the agent, and stays small.
func TestShipped_IsInTheProgramsThatAsk(t *testing.T) {
	for program, want := range map[string]bool{"host-agent": true, "dream": true, "dashboard-api": false} {
		out, err := exec.Command("go", "list", "-deps", "dreamserver/cmd/"+program).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, pkg := range []string{"dreamserver/security/policy/shipped\n", "dreamserver/security/policy/rules\n", "cel.dev/cel-go/cel\n"} {
			if got := strings.Contains(string(out), pkg); got != want {
				t.Errorf("%s has %q: %t, want %t", program, pkg, got, want)
			}
		}
	}
}
