package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamserver/agent"
	"dreamserver/catalog"
)

func extensionsOf(entries []catalog.AuditEntry) []string {
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		ids = append(ids, e.Extension)
	}
	return ids
}

func TestAuditLog_GoesOnWhereItEnded(t *testing.T) {
	dir := t.TempDir()
	entry := func(id string) catalog.AuditEntry {
		return catalog.AuditEntry{Time: time.Unix(1, 0).UTC(), Op: "start", Extension: id, Result: "ok"}
	}
	write := func(ids ...string) {
		l := agent.NewAuditLog(dir, 0)
		for _, id := range ids {
			if err := agent.WriteAudit(l, entry(id)); err != nil {
				t.Fatal(err)
			}
		}
		if err := agent.CloseAudit(l); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "audit.jsonl")
	write("one", "two")
	wantEqual(t, "mode", "-rw-------", modeOf(t, file))
	write("three")
	// A crash, or a full disk, leaves half a line.
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	write("four")
	got, err := agent.ReadAudit(agent.NewAuditLog(dir, 0), 10)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "entries", []string{"four", "three", "two", "one"}, extensionsOf(got))
}

func TestAuditLog_IsEmptyAtFirst(t *testing.T) {
	got, err := agent.ReadAudit(agent.NewAuditLog(t.TempDir(), 0), 10)
	wantEqual(t, "entries", []catalog.AuditEntry{}, got)
	wantEqual(t, "error", nil, err)
}

// Old files are read on from the new one in order, and the oldest go.
func TestAuditLog_KeepsItsOrderOverFiles(t *testing.T) {
	dir := t.TempDir()
	l := agent.NewAuditLog(dir, 1)
	const lines = 8 << 10 // of a KB: eight files of one MB
	detail := strings.Repeat("x", 900)
	var id string
	for i := range lines {
		id = fmt.Sprintf("e%04d", i)
		if err := agent.WriteAudit(l, catalog.AuditEntry{Op: "start", Extension: id, Result: "ok", Detail: detail}); err != nil {
			t.Fatal(err)
		}
	}
	if err := agent.CloseAudit(l); err != nil { // waits until the oldest are gone
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "audit*"))
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "files", 6, len(files))
	for _, f := range files {
		wantEqual(t, f, "-rw-------", modeOf(t, f))
	}
	got, err := agent.ReadAudit(agent.NewAuditLog(dir, 1), lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < 5<<10 || got[0].Extension != id {
		t.Errorf("%d entries are left, the newest %s; want five files full and %s", len(got), got[0].Extension, id)
	}
	for i, e := range got {
		if want := fmt.Sprintf("e%04d", lines-1-i); e.Extension != want {
			t.Fatalf("entry %d is %s, want %s", i, e.Extension, want)
		}
	}
}

// Reading while others write sees whole entries, each once.
func TestAuditLog_IsReadWhileItIsWritten(t *testing.T) {
	l := agent.NewAuditLog(t.TempDir(), 1)
	var g sync.WaitGroup
	for w := range 4 {
		g.Go(func() {
			for i := range 500 {
				e := catalog.AuditEntry{Op: "start", Extension: fmt.Sprintf("%d-%d", w, i), Detail: strings.Repeat("x", 900)}
				if err := agent.WriteAudit(l, e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		got, err := agent.ReadAudit(l, 300)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, e := range got {
			if seen[e.Extension] {
				t.Fatalf("%s is there twice", e.Extension)
			}
			seen[e.Extension] = true
		}
	}
	g.Wait()
	got, err := agent.ReadAudit(l, 5000)
	if err != nil || len(got) != 2000 {
		t.Errorf("%d entries, %v; want 2000", len(got), err)
	}
	if err := agent.CloseAudit(l); err != nil {
		t.Error(err)
	}
}
