package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// opens reports whether the key opens a route for readers.
func (in *installation) opens(key string) bool {
	in.t.Helper()
	rec := in.do("GET", "/api/extensions/catalog", "", "Authorization: Bearer "+key)
	if rec.Code != 200 {
		refused(in.t, rec, problem.Forbidden, "Invalid API key.")
	}
	return rec.Code == 200
}

func TestNamedKeys_WorkFromWhenTheyAreThereUntilTheyAreNot(t *testing.T) {
	in := newInstallation(t)
	if in.opens("anything") {
		t.Fatal("opened without a folder of keys")
	}
	first := in.addKey("first", config.ScopeRead, time.Time{})
	second := in.addKey("second", config.ScopeRead, time.Time{})
	if !in.opens(first) || !in.opens(second) || !in.opens(key) {
		t.Error("a new key does not open the API")
	}
	in.removeKey("first")
	if in.opens(first) || !in.opens(second) {
		t.Error("a removed key still opens the API, or took another with it")
	}
	replaced := in.addKey("second", config.ScopeRead, time.Time{}) // the same name and size
	if in.opens(second) || !in.opens(replaced) {
		t.Error("a replaced key still opens the API, or the new one does not")
	}
	if err := os.RemoveAll(in.settings.APIKeysDir()); err != nil {
		t.Fatal(err)
	}
	if in.opens(replaced) || !in.opens(key) {
		t.Error("without the folder only the key in .env may open the API")
	}
}

func TestNamedKeys_EndWhenTheyExpire(t *testing.T) {
	in := newInstallation(t)
	short := in.addKey("short", config.ScopeRead, in.now().Add(time.Hour))
	if !in.opens(short) {
		t.Error("it does not open the API before its end")
	}
	in.pass(time.Hour)
	if in.opens(short) {
		t.Error("it opens the API after its end")
	}
}

func TestNamedKeys_AChangedScopeCountsAtOnce(t *testing.T) {
	in := newInstallation(t)
	k := in.addKey("k", config.ScopeMetrics, time.Time{})
	refused(t, in.do("GET", "/api/extensions/catalog", "", "Authorization: Bearer "+k), problem.Forbidden, "the key k has metrics")
	file := filepath.Join(in.settings.APIKeysDir(), "k.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in.writeKey("k.json", strings.Replace(string(data), `"metrics"`, `"operate"`, 1)) // as many bytes
	if !in.opens(k) {
		t.Error("the new scope does not count")
	}
}

func TestNamedKeys_WhatIsNoKeyIsIgnoredAndSaidOnce(t *testing.T) {
	in := newInstallation(t)
	secret := in.addKey("good", config.ScopeRead, time.Time{})
	good := filepath.Join(in.settings.APIKeysDir(), "good.json")
	if err := os.Rename(good, filepath.Join(in.dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(in.dir, "elsewhere"), good); err != nil {
		t.Fatal(err)
	}
	in.writeKey("broken.json", "{")
	in.writeKey("admin.json", "{}")
	in.writeKey("README.md", "not a key, and nobody says it is")
	in.writeKey(".good.json123", "of a writer that was killed")
	for range 3 {
		if in.opens(secret) {
			t.Fatal("a link counts as a key")
		}
	}
	log := in.log.String()
	for _, want := range []string{`"file":"good.json","error":"is a symbolic link"`, `"file":"broken.json"`, `"file":"admin.json"`} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the log has %s %d times:\n%s", want, strings.Count(log, want), log)
		}
	}
	if lines := strings.Count(log, "ignored: no key of the API"); lines != 3 {
		t.Errorf("%d lines about files that are no keys, want 3:\n%s", lines, log)
	}
	if strings.Contains(log, secret) {
		t.Error("the log has the key")
	}
}

func TestNamedKeys_ThatCannotBeListedOpenNothing(t *testing.T) {
	in := newInstallation(t)
	if err := os.WriteFile(in.settings.APIKeysDir(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if in.opens("anything") || !in.opens(key) {
			t.Error("only the key in .env may open the API")
		}
	}
	if n := strings.Count(in.log.String(), "the named keys cannot be read"); n != 1 {
		t.Errorf("said %d times, want once", n)
	}
}
