package systemd_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/deploy/systemd"
)

func TestMissing_NamesTheLinesOfAnOlderUnit(t *testing.T) {
	shipped, err := os.ReadFile("dream-host-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	installed := strings.NewReplacer("@INSTALL_DIR@", "/srv/dream 100%%", "@WRITABLE_PATHS@", `"/srv/dream"`, "@PRIVATE_TMP@", "yes").Replace(string(shipped))
	if got := systemd.Missing(installed); got != nil {
		t.Errorf("the shipped one lacks %q", got)
	}
	older := strings.Replace(installed, "WatchdogSec=60\n", "WatchdogSec=90\n", 1)
	if diff := cmp.Diff([]string{"WatchdogSec=60"}, systemd.Missing(older)); diff != "" {
		t.Errorf("an older one (-want +got):\n%s", diff)
	}
	if got := systemd.InstallDir(installed); got != "/srv/dream 100%" {
		t.Errorf("it is for %q", got)
	}
}
