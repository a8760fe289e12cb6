package health_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"dreamserver/catalog/health"
	"dreamserver/compose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func wantEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// runs is a target whose container runs and has no healthcheck.
func runs(id string) health.Target {
	return health.Target{
		ID: id, Desired: health.On, Known: true, URL: "http://" + id + ":80/health",
		Container: &compose.Container{ID: "c-" + id, Name: "dream-" + id, Service: id, State: "running"},
	}
}
