package agent_test

import (
	"os"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
)

// pending records a change that nobody works on, and returns its operation.
func (in *installation) pending(id, kind string) string {
	in.t.Helper()
	in.must(os.MkdirAll(in.settings.OperationsDir, 0o755))
	o := operation.Options{ID: operation.NewID(), Kind: operation.Kind(kind), Extension: id}
	active, err := operation.NewHistory(catalog.OperationStore(in.settings), nil).Begin(o)
	in.must(err)
	c, err := in.journal().Begin(id, catalog.Intent{Kind: o.Kind, Actor: "test", Operation: o.ID})
	in.must(err)
	in.must(active.End(operation.Waiting, nil, nil, func() {}))
	c.Leave()
	return o.ID
}

// ended is what became of an operation: its state, and what its record says.
func (in *installation) ended(id string) string {
	in.t.Helper()
	o, err := catalog.OperationStore(in.settings).Get(id)
	in.must(err)
	text := string(o.State)
	if o.Result != nil {
		text += " " + o.Result.Message
	}
	if o.Error != nil {
		text += " " + o.Error.Detail
	}
	return text
}

func (in *installation) journal() *catalog.Journal {
	return catalog.NewJournal(in.settings.OperationsDir, -1, -1)
}

func (in *installation) unfinished() map[string]string {
	in.t.Helper()
	kinds, err := in.journal().Unfinished()
	in.must(err)
	return kinds
}

func TestReconcile_FinishesWhatWaited(t *testing.T) {
	off := "-- data/user-extensions/app/manifest.yaml --\n" + manifestOf("app") + "-- data/user-extensions/app/compose.yaml.disabled --\n"
	running := fakeContainer{Container: compose.Container{ID: "old", Name: "dream-app", Service: "app", State: "running"}}
	tests := []struct {
		name  string
		files string
		have  []fakeContainer
		kind  string
		calls []string
		log   string
		ends  string // state and message of the operation
	}{
		{name: "installed while it was away", files: extension("app", ""), kind: "install", calls: []string{"create app", "up app"}, log: `"op":"start","message":"an unfinished change is applied"`, ends: "succeeded app is installed: the host agent has finished the install."},
		{name: "enabled while it was away", files: extension("app", ""), kind: "enable", calls: []string{"create app", "up app"}, log: `"op":"start","message":"an unfinished change is applied"`, ends: "succeeded app is enabled: the host agent has finished the enable."},
		{name: "disabled while it was away", files: off, have: []fakeContainer{running}, kind: "disable", calls: []string{"stop app"}, log: `"op":"stop","message":"an unfinished change is applied"`, ends: "succeeded app is disabled: the host agent has finished the disable."},
		{name: "uninstalled while it was away", have: []fakeContainer{running}, kind: "uninstall", calls: []string{"rm app"}, log: `"op":"remove","message":"an unfinished change is applied"`, ends: "succeeded app is uninstalled: the host agent has finished the uninstall."},
		{name: "an install killed before its files were there", kind: "install", log: `"op":"remove","message":"an unfinished change is applied"`, ends: "failed extension \"app\": the install was interrupted, and the host agent has undone it: try again"},
		{name: "a disable killed before it renamed the file", files: extension("app", ""), kind: "disable", calls: []string{"create app", "up app"}, log: `"op":"start","message":"an unfinished change is applied"`, ends: "failed extension \"app\": the disable was interrupted, and the host agent has undone it: try again"},
		{name: "a stop stays a stop", files: extension("app", ""), have: []fakeContainer{running}, kind: "stop", calls: []string{"stop app"}, log: `"op":"stop","message":"an unfinished change is applied"`, ends: "succeeded app is stopped: the host agent has finished the stop."},
		{name: "what cannot be started is not tried for ever", files: extension("app", "services: {app: {image: x, privileged: true}}\n"), kind: "install", log: `"op":"pending start","code":"scan_refused"`, ends: "failed extension \"app\" is refused by the security scan:\ndata/user-extensions/app/compose.yaml:1: services.app.privileged: privileged gives the container the whole host; remove privileged; name the few capabilities in cap_add"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t, tt.files)
			in.docker.update(func(s *dockerState) { s.Containers = tt.have })
			id := in.pending("app", tt.kind)
			in.serve()
			in.log.wait(t, tt.log)
			wantEqual(t, "operation", tt.ends, in.ended(id))
			wantEqual(t, "calls", tt.calls, in.docker.calls())
			in.must(in.stop())
			wantEqual(t, "unfinished", map[string]string{}, in.unfinished())
		})
	}
}

func TestReconcile_LeavesWhatSomebodyWorksOn(t *testing.T) {
	in := prepare(t, extension("app", ""), extension("other", ""))
	held, err := in.journal().Begin("app", catalog.Intent{Kind: "install", Actor: "test"})
	in.must(err)
	in.pending("other", "install")
	in.options.ReconcileEvery = time.Millisecond
	in.serve()
	in.log.wait(t, `"extension":"other","change":"install"`)
	wantEqual(t, "calls", []string{"create other", "up other"}, in.docker.calls())

	held.Leave() // its program was killed
	in.log.wait(t, `"extension":"app","change":"install"`)
	wantEqual(t, "calls", []string{"up app"}, in.docker.calls())
}

// Seen after a crash: one start waited for a healthcheck, and nothing was stopped meanwhile.
func TestReconcile_HoldsUpNothingForAStartThatWaits(t *testing.T) {
	in := prepare(t, extension("slow", ""), extension("app", ""))
	in.docker.update(func(s *dockerState) {
		s.Waits["up"] = true
		s.Containers = []fakeContainer{{Container: compose.Container{ID: "old", Name: "dream-app", Service: "app", State: "running"}}}
	})
	in.pending("slow", "install")
	in.pending("app", "stop")
	in.serve()
	in.docker.entered()
	in.log.wait(t, `"extension":"app","change":"stop"`)
	wantEqual(t, "app", "exited", in.docker.services()["app"])
	in.docker.release()
	in.log.wait(t, `"extension":"slow","change":"install"`)
}

// What the installation lacks is no fault of the extension: its change waits on.
func TestReconcile_WaitsForDockerAndForTheInstallation(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.pending("app", "install")
	in.engine.set(func(e *fakeEngine) { e.down = true })
	in.options.ReconcileEvery = time.Millisecond
	in.serve()
	in.log.wait(t, "unfinished changes wait for Docker")
	baseFile := in.path("docker-compose.base.yml")
	in.must(os.Rename(baseFile, baseFile+".away"))
	in.engine.set(func(e *fakeEngine) { e.down = false })
	in.log.wait(t, "pending install")
	wantEqual(t, "calls", nil, in.docker.calls())
	in.must(os.Rename(baseFile+".away", baseFile))
	in.log.wait(t, "an unfinished change is applied")
	wantEqual(t, "calls", []string{"create app", "up app"}, in.docker.calls())
}

func TestReconcile_WaitsForATornBaseFile(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.pending("app", "install")
	baseFile := in.path("docker-compose.base.yml")
	in.must(os.Rename(baseFile, baseFile+".away"))
	in.must(os.WriteFile(baseFile, nil, 0o644))
	in.options.ReconcileEvery = time.Millisecond
	in.serve()
	in.log.wait(t, "the installation cannot be used: docker-compose.base.yml: the file is empty")
	in.must(os.Rename(baseFile+".away", baseFile))
	in.log.wait(t, "an unfinished change is applied")
}

// A killed agent leaves copies behind: those of starts that it was killed in, and half ones.
func TestRun_RemovesCopiesThatNobodyUses(t *testing.T) {
	in := newInstallation(t, extension("app", "services: {app: {image: x, volumes: [\"./conf:/conf:ro\"]}}\n"), "-- data/user-extensions/app/conf/x --\na\n")
	in.mustStart("app")
	used := in.trees()
	in.must(in.stop())
	in.add("-- state/trees/0123456789abcdef/x --\n", "-- state/trees/.copy-app/x --\n")
	in.serve()
	wantEqual(t, "copies", used, in.trees())
	if r := in.mustStart("app"); !r.Unchanged {
		t.Error("the copy in use is gone: it was started again")
	}
}
