package gpu_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"dreamserver/internal/gpu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is an nvidia-smi that does what the lines of shell say.
func program(t *testing.T, lines string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "nvidia-smi")
	// Renamed, so that nobody sees half of it.
	if err := os.WriteFile(name+".new", []byte("#!/bin/sh\n"+lines+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	return name
}

func file(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLook_SaysWhatIsWrongWithTheTool(t *testing.T) {
	const ok = `<nvidia_smi_log><driver_version>570.86.15</driver_version><attached_gpus>0</attached_gpus></nvidia_smi_log>`
	for _, test := range []struct {
		name, lines string
		want        gpu.NVIDIADriver
	}{
		{"no driver", "echo \"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\"; exit 9", gpu.NVIDIADriver{Problem: "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. (exit status 9)"}},
		{"on the other stream", "echo 'Failed to initialize NVML: Unknown Error' >&2; exit 255", gpu.NVIDIADriver{Problem: "Failed to initialize NVML: Unknown Error (exit status 255)"}},
		{"silent", "exit 3", gpu.NVIDIADriver{Problem: "exit status 3"}},
		{"killed", "kill -9 $$", gpu.NVIDIADriver{Problem: "signal: killed"}},
		{"nothing, and content", "exit 0", gpu.NVIDIADriver{Problem: "it prints nothing"}},
		{"garbage", "head -c 100000 /dev/zero; echo; echo rubbish", gpu.NVIDIADriver{Problem: "rubbish"}},
		{"10 MB", "echo '<nvidia_smi_log>'; head -c 10000000 /dev/zero", gpu.NVIDIADriver{Problem: "it prints more than 4 MiB"}},
		{"without end", "exec yes", gpu.NVIDIADriver{Problem: "it prints more than 4 MiB"}},
		{"10 MB on the other stream", "head -c 10000000 /dev/zero >&2; echo '" + ok + "'", gpu.NVIDIADriver{Version: "570.86.15"}},
		{"a child that keeps the output open", "sleep 60 & echo '" + ok + "'", gpu.NVIDIADriver{Version: "570.86.15"}},
		{"a report, and a complaint", "echo '" + ok + "'; exit 14", gpu.NVIDIADriver{Version: "570.86.15", Problem: "exit status 14"}},
		{"the arguments", `[ "$*" = "-q -x" ] && echo '` + ok + `'`, gpu.NVIDIADriver{Version: "570.86.15"}},
		{"no key of ours in its environment", `[ -z "$GPU_TEST_KEY" ] && echo '` + ok + `'`, gpu.NVIDIADriver{Version: "570.86.15"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GPU_TEST_KEY", "secret")
			m := gpu.NewMachine(gpu.Options{Root: tree(nil), SMI: program(t, test.lines)})
			test.want.Tool = true
			if diff := cmp.Diff(test.want, m.Look(t.Context()).NVIDIA); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLook_SaysThatTheToolDoesNotStart(t *testing.T) {
	f := gpu.NewMachine(gpu.Options{Root: tree(nil), SMI: file(t, nil)}).Look(t.Context())
	if !strings.HasPrefix(f.NVIDIA.Problem, "it does not start: ") {
		t.Errorf("got %+v", f.NVIDIA)
	}
}

// What hangs is killed with what it started, and the files of other GPUs are told all the same.
func TestLook_EndsAToolThatHangs(t *testing.T) {
	_, files := recordedTree(t, "testdata/sysfs/r9700.txtar")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	m := gpu.NewMachine(gpu.Options{Root: tree(files), SMI: program(t, "exec 3>"+fifo+"; sleep 600 & echo ready >&3; wait")})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan error, 1)
	go func() {
		held, err := os.Open(fifo)
		if err != nil {
			gone <- err
			return
		}
		defer held.Close()
		r := bufio.NewReader(held)
		_, err = r.ReadString('\n')
		cancel()
		_, end := io.ReadAll(r) // ends when neither the tool nor its child holds the other end
		gone <- errors.Join(err, end)
	}()
	f := m.Look(ctx)
	if f.NVIDIA.Problem != "it hangs" || len(f.Devices) != 1 {
		t.Errorf("got %+v", f)
	}
	if err := <-gone; err != nil {
		t.Error(err)
	}
}

func TestLook_AsksForTheNamesOfParts(t *testing.T) {
	out := section(recordings(t)["testdata/nvidia/a100-mig.txtar"], "out")
	list := "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-513536b6-7d19-9063-b049-1e69664bb298)\n  MIG 2g.20gb     Device  3: (UUID: MIG-53864714-0a66-5df2-9007-9268e30d9a72)\n"
	m := gpu.NewMachine(gpu.Options{Root: tree(nil), SMI: program(t, "case $1 in -L) exec cat "+file(t, []byte(list))+";; *) exec cat "+file(t, out)+";; esac")})
	f := m.Look(t.Context())
	if len(f.Devices) != 1 || len(f.Devices[0].Instances) != 4 {
		t.Fatalf("got %+v", f)
	}
	if got := f.Devices[0].Instances[3]; got.Profile != "2g.20gb" || got.UUID != "MIG-53864714-0a66-5df2-9007-9268e30d9a72" {
		t.Errorf("got %+v", got)
	}
}
