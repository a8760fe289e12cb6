package agent_test

import "testing"

func TestNetworks_GoWithTheExtensionAndWithAFailedStart(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Fails = map[string]string{"create": "no space left on device"} })
	if _, err := in.start("app"); err == nil {
		t.Error("the start does not fail")
	}
	wantEqual(t, "after a failed start", []string{"app."}, in.engine.unlinked)
	in.must(in.client.Remove(t.Context(), "app"))
	wantEqual(t, "after a removal", []string{"app.", "app."}, in.engine.unlinked)
}
