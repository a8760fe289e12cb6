package agent_test

import (
	"testing"

	"dreamserver/agent"
)

func TestParseMemory(t *testing.T) {
	for text, want := range map[string][2]int64{
		"MemTotal:       16384000 kB\nMemFree:          100 kB\nMemAvailable:    8000000 kB\n": {16384000, 8000000},
		"MemTotal:       16384000 kB\n":            {16384000, 0}, // a kernel before 3.14
		"MemTotal: 10 kB\nMemAvailable: 20 kB\n":   {10, 10},
		"MemTotal: much kB\nMemAvailable: -5 kB\n": {0, 0},
		"": {0, 0},
	} {
		if total, available := agent.ParseMemory(text); total != want[0] || available != want[1] {
			t.Errorf("%q: %d, %d, want %v", text, total, available, want)
		}
	}
}

func TestParseTicks(t *testing.T) {
	for text, want := range map[string][2]uint64{
		"cpu  100 10 50 800 40 3 2 5 90 9\ncpu0 1 1 1 1\n": {170, 1010}, // guests are in user and nice
		"cpu  1 2 3 4\n":  {6, 10}, // the kernel's first form
		"cpu  1 2 3\n":    {0, 0},
		"cpu0 1 2 3 4\n":  {0, 0},
		"cpu  1 2 -3 4\n": {0, 0},
		"":                {0, 0},
	} {
		if busy, all := agent.ParseTicks(text); busy != want[0] || all != want[1] {
			t.Errorf("%q: %d of %d, want %v", text, busy, all, want)
		}
	}
}
