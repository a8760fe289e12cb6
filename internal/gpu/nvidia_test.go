package gpu_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"dreamserver/internal/gpu"
)

var update = flag.Bool("update", false, "write what was parsed into the recordings")

// parsed is what comes of a recording.
type parsed struct {
	Driver  string       `json:"driver"`
	Error   string       `json:"error,omitempty"`
	Devices []gpu.Device `json:"devices"`
}

func parse(out []byte) parsed {
	devices, driver, err := gpu.ParseNVIDIA(out)
	p := parsed{Devices: devices, Driver: driver}
	if err != nil {
		p.Error = err.Error()
	}
	return p
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func recordings(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	names, err := filepath.Glob("testdata/nvidia/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no recordings", err)
	}
	found := map[string]*txtar.Archive{}
	for _, name := range names {
		if found[name], err = txtar.ParseFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestParseNVIDIA_ReadsRecordedReports(t *testing.T) {
	for name, a := range recordings(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got, err := json.MarshalIndent(parse(section(a, "out")), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "want", Data: got})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(section(a, "want")), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNVIDIA_RepeatsWhatTheToolSaysInstead(t *testing.T) {
	for _, test := range []struct{ name, out, want string }{
		{"another driver than library", "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.173\n", "Failed to initialize NVML: Driver/library version mismatch"},
		{"no driver", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n\n", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running."},
		{"no devices", "No devices were found\n", "No devices were found"},
		{"a lost GPU", "Unable to determine the device handle for GPU0000:07:00.0: Unknown Error\n", "Unable to determine the device handle for GPU0000:07:00.0: Unknown Error"},
		{"nothing", " \n\n", "it prints nothing"},
		{"what a terminal would obey", "\x1b[2J\x1b]0;owned\x07\n", "[2J]0;owned"},
		{"no text", "\x00\xff\xfe\x01\n", "it prints nothing"},
		{"another document", "<?xml version=\"1.0\"?><html/>", `<?xml version="1.0"?><html/>`},
		{"a long line", strings.Repeat("x", 10<<20), strings.Repeat("x", 256)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(parsed{Error: test.want}, parse([]byte(test.out))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A report that ends anywhere before its end is none: half of the facts would look like all of them.
func TestParseNVIDIA_RefusesHalfAReport(t *testing.T) {
	out := section(recordings(t)["testdata/nvidia/dual-a5000.txtar"], "out")
	whole := bytes.LastIndex(out, []byte("</nvidia_smi_log>"))
	for cut := range whole {
		if got := parse(out[:cut]); got.Error == "" || len(got.Devices) != 0 {
			t.Fatalf("cut at byte %d of %d: %+v", cut, whole, got)
		}
	}
}

func TestParseNVIDIA_TakesNoFigureThatCannotBe(t *testing.T) {
	for _, test := range []struct{ element, value string }{
		{"fb_memory_usage><total", "-1 MiB"},
		{"fb_memory_usage><total", "99999999999999999 MiB"},
		{"fb_memory_usage><total", "1e3 MiB"},
		{"fb_memory_usage><total", "Infinity MiB"},
		{"fb_memory_usage><total", "81920"},
		{"fb_memory_usage><total", "81920 MiB MiB"},
		{"fb_memory_usage><total", "81920 W"},
		{"utilization><gpu_util", "101 %"},
		{"utilization><gpu_util", "50 C"},
		{"temperature><gpu_temp", "-300 C"},
		{"power_readings><power_draw", "NaN W"},
	} {
		outer, inner, _ := strings.Cut(test.element, "><")
		out := "<nvidia_smi_log><gpu><" + outer + "><" + inner + ">" + test.value + "</" + inner + "></" + outer + "></gpu></nvidia_smi_log>"
		want := parsed{Devices: []gpu.Device{{Vendor: gpu.NVIDIA, Driver: "nvidia", MemoryType: gpu.Discrete}}}
		if diff := cmp.Diff(want, parse([]byte(out))); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.element, test.value, diff)
		}
	}
}

// The listing is of A100-SXM4-80GB; its last line has the form of drivers before 470.
func TestNameInstances_FindsEachPartOnItsGPU(t *testing.T) {
	const list = `GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-9c73eb7b-8d6d-6c0e-dc13-97873e2ede40)
  MIG 1g.10gb     Device  0: (UUID: MIG-a686709d-6dc2-542a-8851-0d2508448c10)
  MIG 1g.10gb     Device  1: (UUID: MIG-53864714-0a66-5df2-9007-9268e30d9a72)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-ffffffff-0000-0000-0000-000000000000)
  MIG 7g.80gb     Device  0: (UUID: MIG-ffffffff-0000-0000-0000-000000000001)
GPU 2: NVIDIA A100-SXM4-80GB (UUID: GPU-c92e2d5d-4a69-f1cd-4df0-305f8606705a)
  MIG 1g.10gb     Device  0: (UUID: MIG-GPU-c92e2d5d-4a69-f1cd-4df0-305f8606705a/13/0)
  MIG
`
	devices := []gpu.Device{
		{UUID: "GPU-9c73eb7b-8d6d-6c0e-dc13-97873e2ede40", Instances: []gpu.Instance{{Index: 0}, {Index: 1}, {Index: 2}}},
		{UUID: "GPU-c92e2d5d-4a69-f1cd-4df0-305f8606705a", Instances: []gpu.Instance{{Index: 0}}},
		{},
	}
	gpu.NameInstances(devices, []byte(list))
	want := []gpu.Device{
		{UUID: devices[0].UUID, Instances: []gpu.Instance{
			{Index: 0, Profile: "1g.10gb", UUID: "MIG-a686709d-6dc2-542a-8851-0d2508448c10"},
			{Index: 1, Profile: "1g.10gb", UUID: "MIG-53864714-0a66-5df2-9007-9268e30d9a72"},
			{Index: 2},
		}},
		{UUID: devices[1].UUID, Instances: []gpu.Instance{{Index: 0, Profile: "1g.10gb", UUID: "MIG-GPU-c92e2d5d-4a69-f1cd-4df0-305f8606705a/13/0"}}},
		{},
	}
	if diff := cmp.Diff(want, devices); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzParseNVIDIA(f *testing.F) {
	for _, a := range recordings(f) {
		f.Add(section(a, "out"))
	}
	f.Add([]byte("No devices were found\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		p := parse(out)
		if p.Error == "" && p.Devices == nil && p.Driver == "" && !bytes.Contains(out, []byte("<nvidia_smi_log")) {
			t.Error("neither devices nor a reason")
		}
		for _, text := range append([]string{p.Error, p.Driver}, texts(p.Devices)...) {
			if strings.ContainsAny(text, "\n\x1b\x00") || len(text) > 320 {
				t.Errorf("%q", text)
			}
		}
		gpu.NameInstances(p.Devices, out)
		if _, err := json.Marshal(p); err != nil {
			t.Error(err)
		}
	})
}

func texts(devices []gpu.Device) []string {
	var all []string
	for _, d := range devices {
		all = append(all, d.Name, d.UUID, d.Address)
	}
	return all
}
