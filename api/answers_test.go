package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"dreamserver/catalog"
)

// live keeps the snapshot up to date until the test ends.
func (in *installation) live() {
	in.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { in.manager.Live(ctx) })
	in.t.Cleanup(func() { cancel(); running.Wait() })
	in.await(func(s *catalog.Snapshot) bool {
		e, _ := s.Find("search")
		return e.Rating > 0 && e.Runtime.State == "running" && e.Runtime.HealthReason != "" && s.Agent.Available
	})
}

func (in *installation) await(right func(*catalog.Snapshot) bool) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 20*time.Second)
	defer cancel()
	for generation := uint64(0); ; {
		s, err := in.manager.Await(ctx, generation)
		if err != nil {
			in.t.Fatalf("the snapshot does not become right: %v", err)
		}
		if right(s) {
			return
		}
		generation = s.Generation
	}
}

func unpacked(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(rec.Body.Bytes())
	var err error
	switch rec.Header().Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAnswers_AreTheSameInEveryEncoding(t *testing.T) {
	in := newInstallation(t)
	in.live()
	for _, path := range []string{"/api/extensions/catalog", "/api/extensions/catalog?category=optional", "/api/features", "/api/extensions/hello"} {
		plain := in.do("GET", path, "")
		tags := map[string]bool{plain.Header().Get("ETag"): true}
		for header, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "gzip, zstd": "zstd", "gzip;q=0": "", "identity": "", "GZIP": "gzip"} {
			rec := in.do("GET", path, "", "Accept-Encoding: "+header)
			if got := rec.Header().Get("Content-Encoding"); got != want {
				t.Errorf("%s with %q: encoding %q, want %q", path, header, got, want)
			}
			if unpacked(t, rec) != plain.Body.String() {
				t.Errorf("%s with %q: another body", path, header)
			}
			tags[rec.Header().Get("ETag")] = true
		}
		if len(tags) != 3 || tags[""] {
			t.Errorf("%s: tags %v, want one for each encoding", path, tags)
		}
	}
}

func TestAnswers_TellWhoHasThemAlready(t *testing.T) {
	in := newInstallation(t)
	in.live()
	const path = "/api/extensions/catalog"
	tag := in.do("GET", path, "").Header().Get("ETag")
	for header, want := range map[string]int{tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, "": 200} {
		rec := in.do("GET", path, "", "If-None-Match: "+header)
		if rec.Code != want || want == 304 && rec.Body.Len() > 0 || rec.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d with %d bytes and tag %s, want %d", header, rec.Code, rec.Body.Len(), rec.Header().Get("ETag"), want)
		}
	}

	before := in.manager.Snapshot().Generation
	fragment := filepath.Join(in.settings.ServicesDir, "search", "compose.yaml")
	if err := os.Rename(fragment, fragment+".disabled"); err != nil {
		t.Fatal(err)
	}
	in.await(func(s *catalog.Snapshot) bool {
		e, _ := s.Find("search")
		return s.Generation > before && e.Status == catalog.Disabled
	})
	rec := in.do("GET", path, "", "If-None-Match: "+tag)
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), `"disabled":1`) {
		t.Errorf("after a change: %d %s", rec.Code, rec.Body)
	}
	if rec := in.do("GET", path, "", "Authorization: ", "If-None-Match: "+tag); rec.Code != 401 {
		t.Errorf("without a key: %d, want 401 whatever is kept", rec.Code)
	}
}

// A GET of the catalogue reads no file and asks nobody: with the folders and the agent gone it is what it was.
func TestAnswers_ReadNothing(t *testing.T) {
	in := newInstallation(t)
	in.live()
	paths := []string{"/api/extensions/catalog", "/api/features", "/api/extensions/hello", "/api/extensions/catalog?gpu_compatible=true"}
	want := map[string]string{}
	for _, path := range paths {
		want[path] = in.do("GET", path, "").Body.String()
	}
	counted := in.agent.calls.Load()
	reads := readsOf(t, func() {
		for _, path := range paths {
			for range 20 {
				if got := in.do("GET", path, ""); got.Body.String() != want[path] {
					t.Errorf("%s: another answer", path)
				}
			}
		}
	})
	if reads > 8 { // counting them takes some, and 80 readings of the folders would take thousands
		t.Errorf("80 requests took %d read calls", reads)
	}
	if got := in.agent.calls.Load() - counted; got > 2 { // the agent is asked every two seconds whether it is there
		t.Errorf("the agent was asked %d times during 80 requests", got)
	}
}

// An answer that nobody asked for before is made of the snapshot: that, too, reads no file and asks nobody.
func TestAnswers_AreMadeOfMemory(t *testing.T) {
	in := newInstallation(t)
	ask := func() {
		for i := range 20 {
			for _, path := range []string{"/api/extensions/catalog", "/api/extensions/hello", "/api/features", "/api/external-links"} {
				if rec := in.do("GET", path+"?other="+strconv.Itoa(i), ""); rec.Code != 200 {
					t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
				}
			}
		}
	}
	if reads := readsOf(t, ask); reads < 80 {
		t.Errorf("80 requests took %d read calls while no snapshot was kept: this test cannot tell", reads)
	}
	in.live()
	counted := in.agent.calls.Load()
	if reads := readsOf(t, ask); reads > 8 { // counting them takes some
		t.Errorf("80 requests took %d read calls", reads)
	}
	if got := in.agent.calls.Load() - counted; got > 2 { // as above
		t.Errorf("the agent was asked %d times during 80 requests", got)
	}
}

// readsOf counts the read calls of this process while do runs.
func readsOf(t *testing.T, do func()) int {
	t.Helper()
	count := func() int {
		data, err := os.ReadFile("/proc/self/io")
		if err != nil {
			t.Skip("this system does not count read calls")
		}
		_, rest, _ := strings.Cut(string(data), "syscr: ")
		number, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	do()
	return count() - before
}

// Answers that nobody asked for before must not take memory by the megabyte, which a query makes as many of as it likes.
func TestAnswers_AreCompressedWithinBounds(t *testing.T) {
	in := newInstallation(t)
	in.live()
	for _, encoding := range []string{"gzip", "zstd"} {
		ask := func(i int) {
			if rec := in.do("GET", "/api/extensions/hello?other="+strconv.Itoa(i), "", "Accept-Encoding: "+encoding); rec.Header().Get("Content-Encoding") != encoding {
				t.Errorf("%s: %d %v", encoding, rec.Code, rec.Header())
			}
		}
		ask(0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const answers = 50
		for i := range answers {
			ask(i + 1)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / answers; each > 1<<20 {
			t.Errorf("%s: an answer takes %d KiB", encoding, each>>10)
		}
	}
}

func TestAnswers_NotFoundIsNotKept(t *testing.T) {
	in := newInstallation(t)
	in.live()
	rec := in.do("GET", "/api/extensions/nobody", "")
	if rec.Code != 404 || rec.Header().Get("ETag") != "" || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}
