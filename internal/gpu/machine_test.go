package gpu_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"dreamserver/internal/gpu"
)

// tree is a machine's file system.
func tree(files map[string]string) fs.FS {
	root := fstest.MapFS{}
	for name, data := range files {
		root[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return root
}

func recordedTree(t *testing.T, name string) (*txtar.Archive, map[string]string) {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		if f.Name != "want" {
			files[f.Name] = string(f.Data)
		}
		if string(f.Data) == "APU table\n" { // an archive of text cannot hold it
			files[f.Name] = "\x88\x01\x03\x00" // the head of gpu_metrics_v3_0
		}
	}
	return a, files
}

// facts are those of a machine without nvidia-smi, and the backend that it gets.
type facts struct {
	Backend string    `json:"backend"`
	Facts   gpu.Facts `json:"facts"`
}

func TestLook_ReadsTheFilesOfDrivers(t *testing.T) {
	names, _ := filepath.Glob("testdata/sysfs/*.txtar")
	if len(names) == 0 {
		t.Fatal("no recordings")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			a, files := recordedTree(t, name)
			got := facts{Facts: gpu.NewMachine(gpu.Options{Root: tree(files), SMI: "-"}).Look(t.Context())}
			got.Backend = gpu.Backend(got.Facts, "linux", "amd64")
			if time.Since(got.Facts.At) > time.Minute {
				t.Errorf("looked at %s", got.Facts.At)
			}
			got.Facts.At = time.Time{}
			text, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, '\n')
			if *update {
				a.Files = append(without(a.Files, "want"), txtar.File{Name: "want", Data: text})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(section(a, "want")), string(text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func without(files []txtar.File, name string) []txtar.File {
	return slices.DeleteFunc(slices.Clone(files), func(f txtar.File) bool { return f.Name == name })
}

func TestLook_GivesAGPUWithoutMemoryOfItsOwnTheMachines(t *testing.T) {
	out := section(recordings(t)["testdata/nvidia/gb10.txtar"], "out")
	root := tree(map[string]string{
		"proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.173.02\n",
		"proc/meminfo":               "MemTotal:       127600748 kB\nMemFree:        100000000 kB\nMemAvailable:   118566368 kB\nHugePages_Total:       0\n",
	})
	m := gpu.NewMachine(gpu.Options{Root: root, SMI: program(t, "exec cat "+file(t, out))})
	f := m.Look(t.Context())
	if len(f.Devices) != 1 {
		t.Fatalf("got %+v", f)
	}
	want := []uint64{127600748 << 10, (127600748 - 118566368) << 10}
	if diff := cmp.Diff(want, []uint64{*f.Devices[0].MemoryTotal, *f.Devices[0].MemoryUsed}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLook_NamesTheContainerOfAProcess(t *testing.T) {
	id := strings.Repeat("0f", 32)
	out := section(recordings(t)["testdata/nvidia/dual-a5000.txtar"], "out")
	root := tree(map[string]string{"proc/100477/cgroup": "0::/system.slice/docker-" + id + ".scope\n"})
	f := gpu.NewMachine(gpu.Options{Root: root, SMI: program(t, "exec cat "+file(t, out))}).Look(t.Context())
	var got []string
	for i, d := range f.Devices {
		if d.Index != i {
			t.Errorf("device %d has index %d", i, d.Index)
		}
		for _, p := range d.Processes {
			got = append(got, p.Container)
		}
	}
	if diff := cmp.Diff([]string{id, id}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLook_ReadsWhatAMacIsSaidToHave(t *testing.T) {
	for ram, want := range map[string]*uint64{"64": new(uint64(64 << 30)), "much": nil, "-8": nil} {
		f := gpu.NewMachine(gpu.Options{Root: tree(nil), SMI: "-", Mac: true, HostRAM: ram}).Look(t.Context())
		if diff := cmp.Diff([]gpu.Device{{Vendor: gpu.Apple, Name: "Apple GPU", MemoryType: gpu.Unified, MemoryTotal: want}}, f.Devices); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ram, diff)
		}
	}
}

func TestBackend_PrefersWhatComputesBest(t *testing.T) {
	device := func(v gpu.Vendor, m gpu.MemoryType) gpu.Device { return gpu.Device{Vendor: v, MemoryType: m} }
	nvidia, amd, apu := device(gpu.NVIDIA, gpu.Discrete), device(gpu.AMD, gpu.Discrete), device(gpu.AMD, gpu.Unified)
	arc, igpu := device(gpu.Intel, gpu.Discrete), device(gpu.Intel, gpu.Unified)
	for _, test := range []struct {
		name     string
		facts    gpu.Facts
		os, arch string
		want     string
	}{
		{name: "nothing", want: "cpu"},
		{name: "NVIDIA beside all others", facts: gpu.Facts{Devices: []gpu.Device{nvidia, amd, arc}, KFD: true, DRI: true}, want: "nvidia"},
		{name: "NVIDIA whose tool fails", facts: gpu.Facts{NVIDIA: gpu.NVIDIADriver{Loaded: true, Tool: true, Problem: "it hangs"}}, want: "nvidia"},
		{name: "nvidia-smi, and no GPU", facts: gpu.Facts{NVIDIA: gpu.NVIDIADriver{Tool: true, Problem: "No devices were found"}}, want: "cpu"},
		{name: "AMD", facts: gpu.Facts{Devices: []gpu.Device{amd}, KFD: true, DRI: true}, want: "amd"},
		{name: "AMD that only draws", facts: gpu.Facts{Devices: []gpu.Device{amd}, DRI: true}, want: "cpu"},
		{name: "a processor of AMD's", facts: gpu.Facts{Devices: []gpu.Device{apu}, KFD: true, DRI: true}, want: "amd"},
		{name: "Intel's card in a machine of AMD's", facts: gpu.Facts{Devices: []gpu.Device{apu, arc}, KFD: true, DRI: true}, want: "intel"},
		{name: "AMD's card before Intel's", facts: gpu.Facts{Devices: []gpu.Device{amd, arc}, KFD: true, DRI: true}, want: "amd"},
		{name: "Intel's processor", facts: gpu.Facts{Devices: []gpu.Device{igpu}, DRI: true}, want: "cpu"},
		{name: "Intel's card that nobody may open", facts: gpu.Facts{Devices: []gpu.Device{arc}}, want: "cpu"},
		{name: "AMD in a container", facts: gpu.Facts{KFD: true}, want: "amd"},
		{name: "a Mac", os: "darwin", arch: "arm64", want: "apple"},
		{name: "an old Mac", os: "darwin", arch: "amd64", want: "cpu"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := gpu.Backend(test.facts, test.os, test.arch); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// A tool that hangs is not even asked where the kernel has the driver, and costs no backend where it has not.
func TestDetect_DoesNotNeedTheTool(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	smi := program(t, "touch "+asked+"; echo garbage; exit 9")
	loaded := gpu.NewMachine(gpu.Options{Root: tree(map[string]string{"proc/driver/nvidia/version": ""}), SMI: smi})
	if got := loaded.Detect(t.Context()); got != "nvidia" {
		t.Errorf("driver loaded: %s", got)
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("the tool was asked for what a file tells")
	}
	if got := gpu.NewMachine(gpu.Options{Root: tree(nil), SMI: smi}).Detect(t.Context()); got != "cpu" {
		t.Errorf("no driver: %s", got)
	}
	if _, err := os.Stat(asked); err != nil {
		t.Error("the tool was not asked")
	}
	wsl := program(t, "exec cat "+file(t, section(recordings(t)["testdata/nvidia/rtx-2080-wddm.txtar"], "out")))
	if got := gpu.NewMachine(gpu.Options{Root: tree(nil), SMI: wsl}).Detect(t.Context()); got != "nvidia" {
		t.Errorf("WSL: %s", got)
	}
}
