package features_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dreamserver/catalog"
	"dreamserver/catalog/features"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const (
	gib = 1 << 30
	gb  = 1e9
)

// runs is an enabled extension whose container runs.
func runs(id string) catalog.Entry {
	e := enabled(id, "running", "")
	e.Runtime.Containers = []compose.Container{{Service: id, State: "running"}}
	return e
}

func enabled(id, state, health string) catalog.Entry {
	e := entry(id, catalog.Enabled)
	e.Runtime.State, e.Runtime.Health = state, health
	return e
}

func entry(id string, status catalog.Status) catalog.Entry {
	return catalog.Entry{Listing: catalog.Listing{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Category: "optional", GPUBackends: []string{"all"}}, Status: status}
}

// with is the entry with something else about it.
func with(e catalog.Entry, change func(*catalog.Entry)) catalog.Entry {
	change(&e)
	return e
}

func needs(change func(*manifest.Feature)) manifest.Feature {
	f := manifest.Feature{ID: "it", Name: "It", Priority: 1}
	change(&f)
	return f
}

func requires(ids ...string) manifest.Feature {
	return needs(func(f *manifest.Feature) { f.Requirements.Services = ids })
}

// computer is a machine that is known, with a GPU of so much memory and disk that is free.
func computer(total, free, disk uint64) catalog.Machine {
	return catalog.Machine{
		Known: true, GPUName: "RTX", GPUCount: 1, VRAMTotal: total, VRAMFree: free, VRAMFreeKnown: true, DiskFree: disk, DiskTotal: 4000 * gb,
	}
}

// about is a snapshot of an nvidia machine on which the feature belongs to an extension that runs, called owner.
func about(f manifest.Feature, m catalog.Machine, others ...catalog.Entry) *catalog.Snapshot {
	owner := runs("owner")
	owner.Features = []manifest.Feature{f}
	return of(m, append(others, owner)...)
}

func of(m catalog.Machine, entries ...catalog.Entry) *catalog.Snapshot {
	s := &catalog.Snapshot{Agent: catalog.AgentStatus{Available: true}, GPUBackend: "nvidia", Machine: m, Entries: entries}
	for i := range s.Entries { // by id, as a snapshot has them
		for j := i; j > 0 && s.Entries[j].ID < s.Entries[j-1].ID; j-- {
			s.Entries[j], s.Entries[j-1] = s.Entries[j-1], s.Entries[j]
		}
	}
	return s
}

func only(t *testing.T, s *catalog.Snapshot) features.Judged {
	t.Helper()
	all := features.Of(s).Features
	if len(all) != 1 {
		t.Fatalf("%d features, want 1: %+v", len(all), all)
	}
	return all[0]
}

func TestOf_SaysStatusReasonAndNextStep(t *testing.T) {
	big := computer(24564<<20, 20*gib, 900*gb) // what an RTX 4090 says of itself
	broken := func(problem string) func(*catalog.Entry) {
		return func(e *catalog.Entry) { e.Problem = problem }
	}
	for _, tc := range []struct {
		name     string
		snapshot *catalog.Snapshot
		status   features.Status
		reason   string
		next     features.Next
	}{
		{
			"its services run", about(requires("a", "b"), big, runs("a"), runs("b")),
			features.Enabled, "a, b run",
			features.Next{Text: "Open it", Request: "GET /api/features/it/enable"},
		},
		{
			"no requirements at all, and its extension runs", about(manifest.Feature{ID: "it"}, big),
			features.Enabled, "owner runs",
			features.Next{Text: "Open it", Request: "GET /api/features/it/enable"},
		},
		{
			"a service works in part", about(requires("a"), big, with(enabled("a", "partial", "degraded"), func(e *catalog.Entry) { e.Runtime.HealthReason = "a-worker failed" })),
			features.Enabled, "a runs; a works in part: a-worker failed",
			features.Next{Text: "Open it", Request: "GET /api/features/it/enable"},
		},
		{
			"a service is not installed", about(requires("a"), big, entry("a", catalog.NotInstalled)),
			features.ServicesNeeded, "a is not installed",
			features.Next{Text: "Install A", Command: "dream install a", Request: "POST /api/extensions/a/install"},
		},
		{
			"a service cannot be installed", about(requires("a"), big, with(entry("a", catalog.NotInstalled), broken("compose.yaml is missing"))),
			features.ServicesNeeded, "a cannot be installed: compose.yaml is missing",
			features.Next{Text: "Mend a in the library", Command: "dream list"},
		},
		{
			"a service is disabled", about(requires("a"), big, entry("a", catalog.Disabled)),
			features.ServicesNeeded, "a is disabled",
			features.Next{Text: "Enable A", Command: "dream enable a", Request: "POST /api/extensions/a/enable"},
		},
		{
			"a disabled service is broken", about(requires("a"), big, with(entry("a", catalog.Disabled), broken("line 3: port"))),
			features.ServicesNeeded, "a cannot be used: line 3: port",
			features.Next{Text: "Mend A, or uninstall it", Command: "dream status"},
		},
		{
			"a service is stopped", about(requires("a"), big, enabled("a", "stopped", "")),
			features.ServicesNeeded, "a does not run",
			features.Next{Text: "Start A", Command: "dream start a", Request: "POST /api/extensions/a/start"},
		},
		{
			"its last start failed", about(requires("a"), big, with(enabled("a", "not_deployed", ""), func(e *catalog.Entry) { e.Runtime.Reason = "no such image" })),
			features.ServicesNeeded, "a does not run: no such image",
			features.Next{Text: "Start A", Command: "dream start a", Request: "POST /api/extensions/a/start"},
		},
		{
			"its last start failed and left a container", about(requires("a"), big, with(enabled("a", "stopped", ""), func(e *catalog.Entry) {
				e.Runtime.Reason, e.Runtime.Containers = "exited with code 3", []compose.Container{{Name: "dream-a", State: "exited"}}
			})),
			features.ServicesNeeded, "a does not run: exited with code 3",
			features.Next{Text: "Read the log of A", Command: "dream logs a", Request: "POST /api/extensions/a/logs"},
		},
		{
			"a core service does not run", about(requires("a"), big, with(enabled("a", "not_deployed", ""), func(e *catalog.Entry) { e.Category = "core" })),
			features.ServicesNeeded, "a does not run",
			features.Next{Text: "Start A", Command: "dream up a"},
		},
		{
			"a service is starting", about(requires("a"), big, enabled("a", "running", "starting")),
			features.ServicesNeeded, "a is starting",
			features.Next{Text: "Wait for A", Command: "dream logs a", Request: "POST /api/extensions/a/logs"},
		},
		{
			"a service has crashed", about(requires("a"), big, with(enabled("a", "failed", "down"), func(e *catalog.Entry) { e.Runtime.Reason = "dream-a is exited" })),
			features.ServicesNeeded, "a does not work: dream-a is exited",
			features.Next{Text: "Read the log of A", Command: "dream logs a", Request: "POST /api/extensions/a/logs"},
		},
		{
			"a service answers with errors", about(requires("a"), big, with(enabled("a", "running", "unhealthy"), func(e *catalog.Entry) { e.Runtime.HealthReason = "answers 503 at /" })),
			features.ServicesNeeded, "a does not work: answers 503 at /",
			features.Next{Text: "Read the log of A", Command: "dream logs a", Request: "POST /api/extensions/a/logs"},
		},
		{
			"a change waits for the agent", about(requires("a"), big, with(enabled("a", "stopped", ""), func(e *catalog.Entry) { e.Runtime.Pending = "enable" })),
			features.ServicesNeeded, "a waits for the host agent, for its enable",
			features.Next{Text: "Bring the host agent back", Command: "dream doctor"},
		},
		{
			"a service that nobody has", about(requires("a"), big),
			features.ServicesNeeded, "a is neither installed nor in the library",
			features.Next{Text: "Put the extension a into the library", Command: "dream list"},
		},
		{
			"a service whose folder is skipped", func() *catalog.Snapshot {
				s := about(requires("a"), big)
				s.Skipped = []compose.Skip{{ID: "a", Path: "library/a", Reason: "no manifest"}}
				return s
			}(),
			features.ServicesNeeded, "a cannot be used: no manifest",
			features.Next{Text: "Mend library/a", Command: "dream status"},
		},
		{
			"an enabled service is quarantined", about(requires("a"), big, with(runs("a"), broken("the scan refuses it"))),
			features.ServicesNeeded, "a takes no part: the scan refuses it",
			features.Next{Text: "Mend A", Command: "dream status"},
		},
		{
			"two are missing", about(requires("a", "b"), big, entry("a", catalog.Disabled), entry("b", catalog.NotInstalled)),
			features.ServicesNeeded, "a is disabled; b is not installed",
			features.Next{Text: "Enable A", Command: "dream enable a", Request: "POST /api/extensions/a/enable"},
		},
		{
			"what it needs runs, and it is not on",
			about(needs(func(f *manifest.Feature) {
				f.Requirements.Services, f.EnabledServicesAll = []string{"a"}, []string{"a", "b"}
			}), big, runs("a"), entry("b", catalog.Disabled)),
			features.Available, "b is disabled",
			features.Next{Text: "Enable B", Command: "dream enable b", Request: "POST /api/extensions/b/enable"},
		},
		{
			"no requirements, and its extension is stopped", of(big, with(enabled("owner", "stopped", ""), func(e *catalog.Entry) { e.Features = []manifest.Feature{{ID: "it"}} })),
			features.Available, "owner does not run",
			features.Next{Text: "Start Owner", Command: "dream start owner", Request: "POST /api/extensions/owner/start"},
		},
		{
			"made for another GPU", about(needs(func(f *manifest.Feature) { f.GPUBackends = []string{"amd", "intel"} }), big),
			features.Incompatible, "it is made for amd, intel, and this machine's GPU_BACKEND is nvidia",
			features.Next{Text: "Nothing on this machine, unless GPU_BACKEND in .env names the wrong GPU", Command: "dream doctor"},
		},
		{
			"a service of it is made for another GPU", about(requires("a"), big, with(entry("a", catalog.Incompatible), func(e *catalog.Entry) { e.GPUBackends = []string{"apple"} })),
			features.Incompatible, "a is made for apple, and this machine's GPU_BACKEND is nvidia",
			features.Next{Text: "Nothing on this machine, unless GPU_BACKEND in .env names the wrong GPU", Command: "dream doctor"},
		},
		{
			"its own extension takes no part", func() *catalog.Snapshot {
				s := about(requires("owner"), big)
				s.Entries[0].Problem = "needs version 3"
				return s
			}(),
			features.Incompatible, "owner takes no part: needs version 3",
			features.Next{Text: "Mend Owner", Command: "dream status"},
		},
		{
			"too little GPU memory", about(needs(func(f *manifest.Feature) { f.Requirements.VRAMGB = 40 }), big, entry("a", catalog.Disabled)),
			features.Enabled, "owner runs",
			features.Next{Text: "Open it", Request: "GET /api/features/it/enable"}, // it runs: what it needs on paper is beside the point
		},
		{
			"too little GPU memory for what is not on", about(needs(func(f *manifest.Feature) { f.Requirements = manifest.Requirements{VRAMGB: 40, Services: []string{"a"}} }), big, entry("a", catalog.Disabled)),
			features.InsufficientVRAM, "it needs 40 GB of GPU memory, and RTX has 24.0 GiB",
			features.Next{Text: "It takes a GPU with more memory", Command: "dream status"},
		},
		{
			"no GPU", about(needs(func(f *manifest.Feature) { f.Requirements = manifest.Requirements{VRAMGB: 4, Services: []string{"a"}} }),
				catalog.Machine{Known: true, DiskFree: 1, DiskTotal: 1}, entry("a", catalog.Disabled)),
			features.InsufficientVRAM, "it needs 4 GB of GPU memory, and this machine has no GPU",
			features.Next{Text: "It takes a GPU with more memory", Command: "dream status"},
		},
		{
			"enough of it, and other work has it", about(needs(func(f *manifest.Feature) { f.Requirements = manifest.Requirements{VRAMGB: 24, Services: []string{"a"}} }), big, entry("a", catalog.Disabled)),
			features.ServicesNeeded, "a is disabled; it needs 24 GB of GPU memory, and 20.0 GiB of it are free",
			features.Next{Text: "Enable A", Command: "dream enable a", Request: "POST /api/extensions/a/enable"},
		},
		{
			"too little disk for what has to be fetched",
			about(needs(func(f *manifest.Feature) { f.Requirements = manifest.Requirements{DiskGB: 50, Services: []string{"a"}} }), computer(0, 0, 12.4*gb), entry("a", catalog.NotInstalled)),
			features.ServicesNeeded, "a is not installed; it needs 50 GB of free disk, and 12 GB are free",
			features.Next{Text: "Free 38 GB on the disk of the data folder", Command: "dream doctor"},
		},
		{
			"little disk, and it is all there",
			about(needs(func(f *manifest.Feature) { f.Requirements = manifest.Requirements{DiskGB: 50, Services: []string{"a"}} }), computer(0, 0, 12*gb),
				with(runs("a"), func(e *catalog.Entry) { e.Runtime.State = "stopped" })),
			features.ServicesNeeded, "a does not run",
			features.Next{Text: "Start A", Command: "dream start a", Request: "POST /api/extensions/a/start"},
		},
		{
			"one of several is enough", about(needs(func(f *manifest.Feature) { f.Requirements.ServicesAny = []string{"a", "b"} }), big, entry("a", catalog.Disabled), runs("b")),
			features.Enabled, "b runs",
			features.Next{Text: "Open it", Request: "GET /api/features/it/enable"},
		},
		{
			"none of several: the nearest is named", about(needs(func(f *manifest.Feature) { f.Requirements.ServicesAny = []string{"c", "a", "b"} }), big,
				entry("a", catalog.NotInstalled), entry("b", catalog.Disabled), with(entry("c", catalog.Incompatible), func(e *catalog.Entry) { e.GPUBackends = []string{"amd"} })),
			features.ServicesNeeded, "b is disabled",
			features.Next{Text: "Enable B", Command: "dream enable b", Request: "POST /api/extensions/b/enable"},
		},
		{
			"all of these and one of those", about(needs(func(f *manifest.Feature) {
				f.Requirements.ServicesAll, f.Requirements.ServicesAny = []string{"a"}, []string{"b", "c"}
			}), big, runs("a"), enabled("b", "stopped", ""), runs("c")),
			features.Enabled, "a, c run",
			features.Next{Text: "Open it", Request: "GET /api/features/it/enable"},
		},
		{
			"it is on when another service runs", about(needs(func(f *manifest.Feature) {
				f.Requirements.Services, f.EnabledServicesAny = []string{"a"}, []string{"b", "c"}
			}), big, runs("a"), enabled("b", "stopped", ""), entry("c", catalog.Disabled)),
			features.Available, "b does not run",
			features.Next{Text: "Start B", Command: "dream start b", Request: "POST /api/extensions/b/start"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := only(t, tc.snapshot)
			if f.Status != tc.status || f.Reason != tc.reason || f.Next != tc.next {
				t.Errorf("got  %s %q %+v\nwant %s %q %+v", f.Status, f.Reason, f.Next, tc.status, tc.reason, tc.next)
			}
			if f.Enabled != (f.Status == features.Enabled) {
				t.Errorf("enabled %v with the status %s", f.Enabled, f.Status)
			}
		})
	}
}

func TestOf_WeighsTheMachine(t *testing.T) {
	stopped := enabled("a", "stopped", "")
	for _, tc := range []struct {
		name            string
		vram, disk      float64
		machine         catalog.Machine
		backend         string
		ok, fits, space bool
		unknown         []string
		status          features.Status
	}{
		{"nothing asked, nothing known", 0, 0, catalog.Machine{}, "nvidia", true, true, true, []string{}, features.ServicesNeeded},
		{"asked, and nothing known", 8, 10, catalog.Machine{}, "nvidia", false, false, false, []string{"vram", "disk"}, features.ServicesNeeded},
		{"an 8 GB card says 8188 MiB", 8, 0, computer(8188<<20, 8*gib, 0), "nvidia", true, true, true, []string{}, features.ServicesNeeded},
		{"an 80 GB card says 81559 MiB", 80, 0, computer(81559<<20, 81000<<20, 0), "nvidia", true, true, true, []string{}, features.ServicesNeeded},
		{"a little less than asked", 24, 0, computer(22*gib, 22*gib, 0), "nvidia", false, false, true, []string{}, features.InsufficientVRAM},
		{"enough, and not free", 8, 0, computer(8*gib, 1*gib, 0), "nvidia", true, false, true, []string{}, features.ServicesNeeded},
		{"a driver that does not tell what is free", 8, 0, catalog.Machine{Known: true, GPUCount: 1, VRAMTotal: 8 * gib}, "intel", true, false, true, []string{"vram"}, features.ServicesNeeded},
		{"a GPU that does not tell its memory", 8, 0, catalog.Machine{Known: true, GPUCount: 1}, "intel", false, false, true, []string{"vram"}, features.ServicesNeeded},
		{"what was free is an old story", 8, 0, func() catalog.Machine { m := computer(8*gib, 8*gib, 0); m.Stale = true; return m }(), "nvidia", true, false, true, []string{"vram"}, features.ServicesNeeded},
		{"unified memory", 64, 0, catalog.Machine{Known: true, GPUCount: 1, Unified: true, VRAMTotal: 96 * gib, VRAMFree: 70 * gib, VRAMFreeKnown: true}, "amd", true, true, true, []string{}, features.ServicesNeeded},
		{"a Mac, whose memory is the GPU's", 16, 0, catalog.Machine{Known: true, Unified: true, VRAMTotal: 32 * gib, RAMTotal: 32 * gib}, "apple", true, false, true, []string{"vram"}, features.ServicesNeeded},
		{"too small a Mac", 48, 0, catalog.Machine{Known: true, Unified: true, VRAMTotal: 32 * gib, RAMTotal: 32 * gib}, "apple", false, false, true, []string{}, features.InsufficientVRAM},
		{"no GPU", 0.5, 0, catalog.Machine{Known: true}, "cpu", false, false, true, []string{}, features.InsufficientVRAM},
		{"disk enough", 0, 10, computer(0, 0, 10*gb), "nvidia", true, true, true, []string{}, features.ServicesNeeded},
		{"disk short", 0, 10, computer(0, 0, 9.9*gb), "nvidia", true, true, false, []string{}, features.ServicesNeeded},
		{"a disk that cannot be asked", 0, 10, catalog.Machine{Known: true}, "nvidia", true, true, false, []string{"disk"}, features.ServicesNeeded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := about(needs(func(f *manifest.Feature) {
				f.Requirements = manifest.Requirements{Services: []string{"a"}, VRAMGB: tc.vram, DiskGB: tc.disk}
			}), tc.machine, stopped)
			s.GPUBackend = tc.backend
			f := only(t, s)
			got := []any{f.Needs.VRAMOK, f.Needs.VRAMFits, f.Needs.DiskOK, f.Needs.Unknown, f.Status}
			if diff := cmp.Diff([]any{tc.ok, tc.fits, tc.space, tc.unknown, tc.status}, got); diff != "" {
				t.Errorf("vramOk, vramFits, diskOk, unknown, status (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOf_AnEnabledFeatureFitsWhenTheGPUHasEnough(t *testing.T) {
	f := only(t, about(needs(func(f *manifest.Feature) { f.Requirements.VRAMGB = 16 }), computer(24*gib, 1*gib, 0)))
	if f.Status != features.Enabled || !f.Needs.VRAMOK || !f.Needs.VRAMFits {
		t.Errorf("%s, vramOk %v, vramFits %v: its own work has the memory", f.Status, f.Needs.VRAMOK, f.Needs.VRAMFits)
	}
}

func TestOf_NamesTheGPU(t *testing.T) {
	for _, tc := range []struct {
		name, backend string
		machine       catalog.Machine
		want          features.Card
	}{
		{"not known", "nvidia", catalog.Machine{}, features.Card{Name: "Unknown", Tier: "Unknown"}},
		{"none", "cpu", catalog.Machine{Known: true}, features.Card{Name: "None", Tier: "Minimal"}},
		{"H100, which says 79.6 GiB", "nvidia", computer(81559<<20, 0, 0), features.Card{Name: "RTX", VRAMGB: 79.6, Tier: "Professional"}},
		{"24 GB", "nvidia", computer(24564<<20, 0, 0), features.Card{Name: "RTX", VRAMGB: 24, Tier: "Prosumer"}},
		{"16 GB", "nvidia", computer(16380<<20, 0, 0), features.Card{Name: "RTX", VRAMGB: 16, Tier: "Standard"}},
		{"8 GB", "nvidia", computer(8188<<20, 0, 0), features.Card{Name: "RTX", VRAMGB: 8, Tier: "Entry"}},
		{"6 GB", "nvidia", computer(6144<<20, 0, 0), features.Card{Name: "RTX", VRAMGB: 6, Tier: "Minimal"}},
		{"Strix Halo, all of it", "amd", catalog.Machine{Known: true, GPUName: "Radeon 8060S", GPUCount: 1, Unified: true, VRAMTotal: 96 * gib}, features.Card{Name: "Radeon 8060S", VRAMGB: 96, Tier: "Strix Halo 90+"}},
		{"Strix Halo, less", "amd", catalog.Machine{Known: true, GPUName: "Radeon 8060S", GPUCount: 1, Unified: true, VRAMTotal: 64 * gib}, features.Card{Name: "Radeon 8060S", VRAMGB: 64, Tier: "Strix Halo Compact"}},
		{"a Mac is no Strix Halo", "apple", catalog.Machine{Known: true, GPUName: "Apple GPU", GPUCount: 1, Unified: true, VRAMTotal: 32 * gib}, features.Card{Name: "Apple GPU", VRAMGB: 32, Tier: "Prosumer"}},
		{"a GPU that says nothing", "intel", catalog.Machine{Known: true, GPUName: "Arc", GPUCount: 1}, features.Card{Name: "Arc", Tier: "Unknown"}},
	} {
		s := of(tc.machine)
		s.GPUBackend = tc.backend
		if got := features.Of(s).GPU; got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// While the agent is away nobody knows what runs: nothing is called enabled, and nothing missing.
func TestOf_DoesNotGuessWhileTheAgentIsAway(t *testing.T) {
	away := func(e catalog.Entry) catalog.Entry {
		e.Runtime = catalog.Runtime{State: "unknown", Reason: "no socket"}
		return e
	}
	s := about(requires("a", "b", "c"), catalog.Machine{}, away(runs("a")), entry("b", catalog.Disabled), away(runs("c")))
	s.Agent = catalog.AgentStatus{Code: "agent_no_socket", Reason: "there is no socket: start the agent"}
	o := features.Of(s)
	f := o.Features[0]
	if want := "whether a, c run is not known: the host agent is away; b is disabled"; f.Status != features.ServicesNeeded || f.Reason != want {
		t.Errorf("%s %q, want services_needed %q", f.Status, f.Reason, want)
	}
	if diff := cmp.Diff([][]string{{"a", "c"}, {"b"}, {}, {"services"}}, [][]string{f.Needs.ServicesUnknown, f.Needs.ServicesMissing, f.Needs.ServicesAvailable, f.Needs.Unknown}); diff != "" {
		t.Errorf("unknown, missing, available, what (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Which services run is not known: there is no socket: start the agent"}, o.Recommendations); diff != "" {
		t.Errorf("recommendations (-want +got):\n%s", diff)
	}
	g, err := features.GuideTo(s, "it")
	if diff := cmp.Diff([]string{
		"Bring the host agent back: there is no socket: start the agent",
		"b is disabled: run `dream enable b`, or click Enable at B on the page Extensions",
		"See that it is on: run `dream features`",
	}, g.Steps); diff != "" || err != nil {
		t.Errorf("steps: %v (-want +got):\n%s", err, diff)
	}

	// A service that answers a probe is known to run, whoever is away.
	healthy := away(runs("a"))
	healthy.Runtime.Health = "healthy"
	s = about(requires("a"), catalog.Machine{}, healthy)
	s.Agent = catalog.AgentStatus{Reason: "away"}
	if f := only(t, s); f.Status != features.Enabled {
		t.Errorf("its service answers: %s %q", f.Status, f.Reason)
	}
}

func TestOf_AsksNobodyAboutProgramsOfTheHost(t *testing.T) {
	host := with(enabled("a", "not_deployed", "unknown"), func(e *catalog.Entry) { e.OnHost, e.Runtime.HealthReason = true, "nobody can ask systemd" })
	f := only(t, about(requires("a"), catalog.Machine{}, host))
	if f.Status != features.ServicesNeeded || f.Reason != "whether a runs is not known: nobody can ask systemd" {
		t.Errorf("%s %q", f.Status, f.Reason)
	}
}

func TestOf_SuggestsWhatLeadsSomewhere(t *testing.T) {
	owner := runs("owner")
	for i, id := range []string{"gpu", "big", "one", "two", "three", "four"} {
		f := requires("missing-" + id)
		f.ID, f.Name, f.Priority = id, id, i
		switch id {
		case "gpu":
			f.GPUBackends = []string{"amd"}
		case "big":
			f.Requirements.VRAMGB = 100
		case "two": // has what it needs
			f.Requirements.Services, f.EnabledServicesAll = nil, []string{"missing-two"}
		}
		owner.Features = append(owner.Features, f)
	}
	o := features.Of(of(computer(8*gib, 8*gib, 0), owner, entry("missing-big", catalog.Disabled), entry("missing-one", catalog.Disabled)))
	want := []features.Suggestion{
		{FeatureID: "one", Name: "one", SetupTime: "Unknown", Message: "one is not on: missing-one is disabled", Action: "Enable Missing-one", Blocked: true},
		{FeatureID: "two", Name: "two", SetupTime: "Unknown", Message: "two is not on: missing-two is neither installed nor in the library", Action: "Put the extension missing-two into the library"},
		{FeatureID: "three", Name: "three", SetupTime: "Unknown", Message: "three is not on: missing-three is neither installed nor in the library", Action: "Put the extension missing-three into the library", Blocked: true},
	}
	if diff := cmp.Diff(want, o.Suggestions); diff != "" {
		t.Errorf("suggestions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(features.Tally{Available: 1, Total: 6}, o.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"RTX has too little GPU memory for 1 feature."}, o.Recommendations); diff != "" {
		t.Errorf("recommendations (-want +got):\n%s", diff)
	}
}

func TestOf_IsAboutEnabledExtensionsAlone(t *testing.T) {
	mine := []manifest.Feature{{ID: "it", Name: "It"}}
	var all []catalog.Entry
	for i, status := range []catalog.Status{catalog.Disabled, catalog.NotInstalled, catalog.Incompatible} {
		all = append(all, with(entry([]string{"a", "b", "c"}[i], status), func(e *catalog.Entry) { e.Features = mine }))
	}
	o := features.Of(of(computer(8*gib, 8*gib, 0), all...))
	want := features.Overview{Features: []features.Judged{}, Suggestions: []features.Suggestion{}, Recommendations: []string{}, GPU: features.Card{Name: "RTX", VRAMGB: 8, Tier: "Entry"}}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Of two extensions with the same feature the enabled one counts, and of two enabled the first.
	o = features.Of(of(catalog.Machine{}, append(all, with(runs("x"), func(e *catalog.Entry) { e.Features = mine }), with(runs("y"), func(e *catalog.Entry) { e.Features = mine }))...))
	if len(o.Features) != 1 || o.Features[0].Extension != "x" {
		t.Errorf("%+v, want one, of x", o.Features)
	}
}

func TestGuideTo_LeadsThere(t *testing.T) {
	empty := ""
	db := with(entry("db", catalog.NotInstalled), func(e *catalog.Entry) {
		e.EnvVars = []manifest.EnvVar{
			{Key: "DB_USER", Required: true, Description: "Who\n  2. Run `sh`\r\nsigns in.", Example: "ada\u2028\tand bob"},
			{Key: "DB_KEY", Required: true, Type: manifest.SecretVar},
			{Key: "DB_MADE", Required: true, Generate: &manifest.Generate{Format: "hex", Bytes: 16}},
			{Key: "DB_KNOWN", Required: true, Default: &empty},
			{Key: "DB_SPARE"},
		}
	})
	app := with(entry("app", catalog.Disabled), func(e *catalog.Entry) { e.DependsOn = []string{"db"} })
	search := with(runs("search"), func(e *catalog.Entry) { e.Reach = catalog.Reach{Port: 8888, Local: true, Path: "/"} })
	s := about(needs(func(f *manifest.Feature) {
		f.Requirements = manifest.Requirements{Services: []string{"app", "search"}, DiskGB: 10}
	}), computer(0, 0, 4*gb), db, app, search)
	got, err := features.GuideTo(s, "it")
	want := features.Guide{
		ID: "it", Name: "It", Status: features.ServicesNeeded,
		Steps: []string{
			"It needs 10 GB of free disk, and 4 GB are free: make room first",
			"Unless it is set: db takes DB_USER (Who 2. Run `sh` signs in, such as ada and bob): run `dream config db set DB_USER=…`",
			"Unless it is set: db takes DB_KEY (secret): run `dream config db set DB_KEY`",
			"db is not installed: run `dream install db`, or click Install at Db on the page Extensions",
			"app is disabled: run `dream enable app`, or click Enable at App on the page Extensions",
			"See that it is on: run `dream features`",
		},
		Pages: []features.Page{{ID: "search", Label: "Search", Port: 8888, Path: "/", Local: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestGuideTo_OfWhatIsOnAndOfWhatCannotBe(t *testing.T) {
	library := with(entry("paint", catalog.NotInstalled), func(e *catalog.Entry) {
		e.Features = []manifest.Feature{{ID: "pictures", Name: "Pictures", Requirements: manifest.Requirements{Services: []string{"paint"}}}}
	})
	for _, tc := range []struct {
		name, id string
		snapshot *catalog.Snapshot
		want     []string
	}{
		{"on", "it", about(requires("owner"), catalog.Machine{}), []string{"It is on: nothing is left to do"}},
		{"another GPU", "it", about(needs(func(f *manifest.Feature) { f.GPUBackends = []string{"amd"} }), catalog.Machine{}), []string{
			"It cannot be had as this machine is: it is made for amd, and this machine's GPU_BACKEND is nvidia",
			"Nothing on this machine, unless GPU_BACKEND in .env names the wrong GPU: run `dream doctor`",
		}},
		{"of an extension in the library", "pictures", of(catalog.Machine{}, library), []string{
			"paint is not installed: run `dream install paint`, or click Install at Paint on the page Extensions",
			"See that it is on: run `dream features`",
		}},
	} {
		got, err := features.GuideTo(tc.snapshot, tc.id)
		if diff := cmp.Diff(tc.want, got.Steps); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", tc.name, err, diff)
		}
	}
}

func TestGuideTo_NamesWhatComesNear(t *testing.T) {
	s := about(needs(func(f *manifest.Feature) { f.ID = "web-search" }), catalog.Machine{}, runs("searxng"), runs("search-index"))
	for id, want := range map[string]string{
		"search":                 `no extension has a feature "search"; did you mean web-search?`,
		"owner":                  `no extension has a feature "owner"; did you mean web-search?`, // the extension that has it
		"searxng":                "no extension has a feature \"searxng\": `dream features` and GET /api/features list those of the enabled ones",
		"zzz":                    "no extension has a feature \"zzz\": `dream features` and GET /api/features list those of the enabled ones",
		strings.Repeat("x", 100): `no extension has a feature "` + strings.Repeat("x", 80) + `…"`,
	} {
		_, err := features.GuideTo(s, id)
		if !problem.HasCode(err, problem.NotFound) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want not_found %s", id, err, want)
		}
	}
}

// Whatever manifests ask for and machines are: each feature has a status, a reason and a step, and what is enabled runs.
func TestOf_AnswersWhateverIsAsked(t *testing.T) {
	ids := []string{"a", "b", "c", "nobody"}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 3)
		entries := []catalog.Entry{}
		for _, id := range ids[:3] {
			e := entry(id, rapid.SampledFrom([]catalog.Status{catalog.Enabled, catalog.Disabled, catalog.NotInstalled, catalog.Incompatible}).Draw(t, "status"))
			e.Runtime.State = rapid.SampledFrom([]string{"running", "partial", "starting", "failed", "stopped", "not_deployed", "unknown"}).Draw(t, "state")
			e.Runtime.Health = rapid.SampledFrom([]string{"", "healthy", "unhealthy", "starting", "degraded", "down", "not_deployed", "unknown"}).Draw(t, "health")
			e.DependsOn = some.Draw(t, "depends on") // in circles, too
			e.Features = []manifest.Feature{{
				ID: "f" + id, EnabledServicesAll: some.Draw(t, "on"), EnabledServicesAny: some.Draw(t, "on any"),
				Requirements: manifest.Requirements{
					Services: some.Draw(t, "services"), ServicesAll: some.Draw(t, "all"), ServicesAny: some.Draw(t, "any"),
					VRAMGB: rapid.Float64Range(0, 50).Draw(t, "vram"), DiskGB: rapid.Float64Range(0, 50).Draw(t, "disk"),
				},
			}}
			entries = append(entries, e)
		}
		s := of(catalog.Machine{
			Known: rapid.Bool().Draw(t, "known"), GPUCount: rapid.IntRange(0, 1).Draw(t, "gpus"),
			VRAMTotal: rapid.Uint64Range(0, 40*gib).Draw(t, "total"), DiskTotal: rapid.Uint64Range(0, 1).Draw(t, "disk total"),
		}, entries...)
		for _, f := range features.Of(s).Features {
			if f.Status == "" || f.Reason == "" || f.Next.Text == "" {
				t.Fatalf("%+v has no status, reason or next step", f)
			}
			if owner, _ := s.Find(f.Extension); f.Enabled && !f.Needs.ServicesOK && len(owner.Features[0].EnabledServicesAll)+len(owner.Features[0].EnabledServicesAny) == 0 {
				t.Fatalf("%+v is on without what it needs", f)
			}
			if g, err := features.GuideTo(s, f.ID); err != nil || len(g.Steps) == 0 {
				t.Fatalf("guide to %s: %v %v", f.ID, g, err)
			}
		}
	})
}
