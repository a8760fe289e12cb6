package api_test

import (
	"bufio"
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dreamserver/api"
	"dreamserver/internal/problem"
)

// listener reads the API's news over HTTP.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

func (in *installation) listen(lastEvent string) *listener {
	in.t.Helper()
	server := httptest.NewServer(in.handler)
	ctx, cancel := context.WithCancel(in.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/events", nil)
	if err != nil {
		in.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	if lastEvent != "" {
		r.Header.Set("Last-Event-ID", lastEvent)
	}
	resp, err := server.Client().Do(r) //nolint:bodyclose // l.close does
	if err != nil {
		in.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		in.t.Fatalf("%s, %v", resp.Status, resp.Header)
	}
	l := &listener{t: in.t, lines: bufio.NewScanner(resp.Body)}
	l.close = func() { cancel(); resp.Body.Close(); server.Close() }
	in.t.Cleanup(l.close)
	return l
}

// next is the next event: its id, name and data.
func (l *listener) next() (id, name, data string) {
	l.t.Helper()
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			return id, name, data
		}
	}
	l.t.Fatalf("the stream ended: %v", l.lines.Err())
	return "", "", ""
}

// until reads events until one has the text, and returns its id and its number among them.
func (l *listener) until(text string) (id string, n int) {
	l.t.Helper()
	for n = 1; ; n++ {
		id, name, data := l.next()
		if strings.Contains(name+" "+data, text) {
			return id, n
		}
	}
}

func TestEvents_TellTheNews(t *testing.T) {
	in := newInstallation(t)
	first := in.listen("")
	id, name, data := first.next()
	if name != "snapshot" || data != `{"generation":0}` || id == "" {
		t.Errorf("the first event is %s %s, id %q", name, data, id)
	}
	if rec := in.do("POST", "/api/extensions/search/stop", ""); rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	begun, _ := first.until(`operation {"id":"`)
	ended, _ := first.until(`"state":"succeeded"`)

	// Who comes back hears what it has missed, once.
	_, n := in.listen(begun).until(`"state":"succeeded"`)
	if n != 2 { // the stage and the end
		t.Errorf("%d events are told again, want 2", n)
	}
	back := in.listen(ended)
	if rec := in.do("POST", "/api/extensions/search/start", ""); rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if _, n := back.until(`"kind":"start"`); n != 1 {
		t.Errorf("a start is the event %d for who has heard everything", n)
	}
	// Who has heard another life of the program, or nonsense, is told to ask for everything.
	for _, last := range []string{"OTHERBOOT-3", "nonsense", strings.Split(id, "-")[0] + "-99999"} {
		if _, name, data := in.listen(last).next(); name != "snapshot" || data != `{"generation":0,"resync":true}` {
			t.Errorf("after %s: %s %s", last, name, data)
		}
	}
}

// Events are made once for all who listen, and each hears its own: who is told again of old ones as who hears new ones.
func TestEvents_AreTheSameForAll(t *testing.T) {
	in := newInstallation(t)
	first := in.listen("")
	first.next()
	heard := map[string]string{}
	order := []string{}
	const changes = 60 // three events each, more than are kept made
	for range changes {
		if rec := in.do("POST", "/api/extensions/search/stop", ""); rec.Code != http.StatusOK {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		for ended := false; !ended; {
			id, name, data := first.next()
			heard[id] = name + " " + data
			order = append(order, id)
			ended = strings.Contains(data, `"state":"succeeded"`)
		}
	}
	if len(order) <= 128 {
		t.Fatalf("%d events", len(order))
	}
	for _, start := range []int{0, 1, len(order) - 10} {
		l := in.listen(order[start])
		for _, want := range order[start+1:] {
			id, name, data := l.next()
			if id != want || name+" "+data != heard[id] {
				t.Fatalf("%s: %s %s, want %s: %s", id, name, data, want, heard[want])
			}
		}
	}
}

func TestEvents_NeedTheScopeRead(t *testing.T) {
	in := newInstallation(t)
	refused(t, in.do("GET", "/api/events", "", "Authorization: "), problem.Unauthorized, "key")
}

// Whatever a client sends as the last event that it heard: it is one of this life of the program, or one that is not kept.
func FuzzLastEvent(f *testing.F) {
	const boot = "5ft3k"
	for _, id := range []string{"", boot + "-1", boot + "-0", boot + "--1", boot + "-18446744073709551615", boot + "-18446744073709551616", boot, boot + "-1-2", "other-1", "-1", "\x00", boot + "-+7", boot + "-007"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		n := api.LastEvent(boot, id)
		number, ours := strings.CutPrefix(id, boot+"-")
		switch {
		case (n == 0) != (id == ""):
			t.Errorf("%q is %d", id, n)
		case n == 0 || n == math.MaxUint64: // from now on, or missed something
		case !ours || strings.Trim(number, "0123456789") != "" || api.LastEvent(boot, api.EventID(boot, n)) != n:
			t.Errorf("%q is %d", id, n)
		}
	})
}
