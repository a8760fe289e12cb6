package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

func TestReadLogs_WithoutFollowIsWhatThePostGives(t *testing.T) {
	in := newInstallation(t)
	wantBody(t, in.do("GET", "/api/extensions/search/logs", ""), `{"service_id": "search", "logs": "one\ntwo\n\nevent: problem\n", "lines": 2}`)
	if diff := cmp.Diff(catalog.LogQuery{Tail: 100}, in.agent.query); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

func TestReadLogs_AskForWhatIsWanted(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 500_000_000, time.UTC)
	for query, want := range map[string]catalog.LogQuery{
		"tail=7":                       {Tail: 7},
		"since=2026-01-01T00:00:00.5Z": {Tail: 100, Since: at},
		"since=90m&tail=500":           {Tail: 500, Since: began.Add(-90 * time.Minute)},
		"since=0s&follow=false":        {Tail: 100, Since: began},
	} {
		in := newInstallation(t)
		if rec := in.do("GET", "/api/extensions/search/logs?"+query, ""); rec.Code != http.StatusOK {
			t.Errorf("%s: %d %s", query, rec.Code, rec.Body)
		}
		if diff := cmp.Diff(want, in.agent.query); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestReadLogs_AreRefused(t *testing.T) {
	in := newInstallation(t)
	const since = "since: expected a time such as 2026-01-02T15:04:05Z, or how long ago, such as 10m"
	for query, want := range map[string]string{
		"search/logs?since=yesterday&follow=true": since,
		"search/logs?since=-10m":                  since,
		"search/logs?tail=10001":                  "tail: expected number <= 10000",
		"search/logs?follow=please":               "follow: expected true or false",
	} {
		refused(t, in.do("GET", "/api/extensions/"+query, ""), problem.InvalidParameter, want)
	}
	refused(t, in.do("GET", "/api/extensions/nowhere/logs?follow=true", ""), problem.NotFound, "")
	in.agent.setAway(problem.Newf(problem.Unavailable, "no agent here"))
	refused(t, in.do("GET", "/api/extensions/search/logs?follow=true", ""), problem.Unavailable, "no agent here")
	reader := in.addKey("reader", "read", time.Time{})
	refused(t, in.do("GET", "/api/extensions/search/logs?follow=true", "", "Authorization: Bearer "+reader), problem.Forbidden, "this takes the scope operate")
}

func TestReadLogs_Follow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		s.agent.written = make(chan string)
		conn := s.open("GET /api/extensions/search/logs?follow=true")
		said := make(chan string)
		go func() { said <- rest(t, conn) }()
		time.Sleep(20 * time.Second)
		s.agent.written <- "later"
		close(s.agent.written)
		line := func(stream, text string) string {
			return `event: log` + "\n" + `data: {"time":"2026-01-01T00:00:00Z","service":"search","container":"dream-search","stream":"` + stream + `","text":"` + text + `"}` + "\n\n"
		}
		want := line("stdout", "one") + line("stderr", `two\n\nevent: problem`) + "event: heartbeat\ndata: {}\n\n" + line("stdout", "later") + "event: problem\ndata: {"
		got := <-said
		if !strings.HasPrefix(got, want) || !strings.Contains(got, `"detail":"the host agent went away","code":"unavailable"`) || strings.Count(got, "\n\n") != 5 {
			t.Errorf("%s\nwant\n%s…", got, want)
		}
	})
}

func TestReadLogs_EndWithTheirClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, silent)
		s.agent.written = make(chan string)
		conn := s.open("GET /api/extensions/search/logs?follow=true")
		reading(t, conn)
		conn.Close()
		synctest.Wait()
		select { // nobody reads what is written any more
		case s.agent.written <- "later":
			t.Error("somebody follows")
		default:
		}
	})
}
