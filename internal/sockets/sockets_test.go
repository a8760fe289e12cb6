package sockets

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse_ReadsTheKernelsTables(t *testing.T) {
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0BBA 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
   3: torn
   4: 0100007F:XXXX 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 4714 1
   5: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 4716 1
   6: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4717 1
`
	want := []Socket{{"tcp", 3001, 33, true, "4711"}, {"tcp", 8080, 0, true, "4713"}, {"tcp", 53, 101, false, "4716"}, {"tcp", 80, 0, true, "4717"}}
	if diff := cmp.Diff(want, parse(strings.NewReader(tcp), "tcp"), cmp.AllowUnexported(Socket{})); diff != "" {
		t.Errorf("TCP (-want +got):\n%s", diff)
	}
	const udp = "   0: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 4715 2 0000000000000000 0\n"
	if diff := cmp.Diff([]Socket{{"udp", 53, 101, true, "4715"}}, parse(strings.NewReader(udp), "udp"), cmp.AllowUnexported(Socket{})); diff != "" {
		t.Errorf("UDP (-want +got):\n%s", diff)
	}
	if got := parse(strings.NewReader(udp), "tcp"); got != nil {
		t.Errorf("an unconnected UDP socket is a TCP listener: %v", got)
	}
}

func TestProgramName(t *testing.T) {
	for _, tt := range []struct{ comm, cmdline, want string }{
		{"nginx\n", "nginx: master process /usr/sbin/nginx\x00", "nginx"},
		{"dream-host-agen\n", "/srv/dream/bin/dream-host-agent\x00", "dream-host-agent"},
		{"python3\n", "python3\x00-m\x00http.server\x00", "python3"},
		{"worker\n", "/bin/other\x00", "worker"},
		{"kthread\n", "", "kthread"},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"comm": tt.comm, "cmdline": tt.cmdline} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := programName(dir); got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.comm, tt.cmdline, got, tt.want)
		}
	}
	if got := programName(t.TempDir()); got != "" {
		t.Errorf("of a process that has ended: %q", got)
	}
}

func TestListening_FindsThisProgram(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skip("there is no /proc")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	table := Listening()
	if got := table.Holder("tcp", port); got.PID != os.Getpid() || got.UID != os.Getuid() || got.Program == "" {
		t.Errorf("got %+v", got)
	}
	if !table.Near("tcp", port) || table.Near("udp", port) {
		t.Error("it listens on 127.0.0.1, with TCP")
	}
	if got := table.Holder("udp", port); got != (Holder{UID: -1}) {
		t.Errorf("nobody listens with UDP: %+v", got)
	}
}
