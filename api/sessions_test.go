package api_test

import (
	"strings"
	"testing"
	"time"

	"dreamserver/api"
	"dreamserver/config"
)

func TestSession_GetsAnotherIDAtSignIn(t *testing.T) {
	in := newInstallation(t)
	b := in.browser().signIn(key)
	old := *b
	if b.signIn(key); b.cookie == old.cookie || !b.isIn() {
		t.Error("the id stayed when the browser signed in again")
	}
	if old.isIn() {
		t.Error("the session before goes on")
	}
	planted := &browser{in: in, cookie: "dream_session=planted"}
	if planted.signIn(key); planted.cookie == "dream_session=planted" {
		t.Error("it took an id that somebody else chose")
	}
}

func TestSession_GetsAnotherIDWhileItIsUsed(t *testing.T) {
	in := newInstallation(t)
	b := in.browser().signIn(key)
	first := *b
	in.pass(14 * time.Minute)
	if b.isIn(); b.cookie != first.cookie {
		t.Error("another id too soon")
	}
	in.pass(time.Minute)
	parallel := first
	if !b.isIn() || b.cookie == first.cookie {
		t.Fatal("no other id after 15 minutes")
	}
	if !parallel.isIn() || parallel.cookie != first.cookie {
		t.Error("a request beside the one that got the next id failed, or got yet another")
	}
	if !b.isIn() {
		t.Error("the next id does not work")
	}
	in.pass(29 * time.Second)
	if late := first; !late.isIn() {
		t.Error("the id before works no more although requests may be on their way")
	}
	in.pass(time.Second)
	if late := first; late.isIn() || !b.isIn() {
		t.Error("the id before still works, or took the next one with it")
	}
}

// A reply that got lost, with the next id in it, must not sign anybody out.
func TestSession_OutlivesALostReply(t *testing.T) {
	in := newInstallation(t)
	b := in.browser().signIn(key)
	first := *b
	in.pass(15 * time.Minute)
	b.isIn()
	lost := *b
	*b = first
	in.pass(time.Minute)
	if !b.isIn() || b.cookie == first.cookie || b.cookie == lost.cookie {
		t.Error("the browser did not get another id")
	}
	if lost.isIn() {
		t.Error("the id that was lost works")
	}
	if !b.isIn() {
		t.Error("the new id does not work")
	}
}

func TestSession_OfAKeyAreBounded(t *testing.T) {
	in := newInstallation(t)
	viewer := in.addKey("viewer", config.ScopeRead, time.Time{})
	other := in.browser().signIn(key)
	first, second := in.browser().signIn(viewer), in.browser().signIn(viewer)
	in.pass(time.Second)
	first.isIn() // so that the second is the one that was unused for longest
	for range 31 {
		in.browser().signIn(viewer)
	}
	if !first.isIn() || second.isIn() || !other.isIn() {
		t.Errorf("first %v, second %v, of another key %v; want true, false, true", first.isIn(), second.isIn(), other.isIn())
	}
}

// How long a session lasts is measured by time that nobody sets: a clock that jumps signs nobody in or out.
func TestSession_IsMeasuredByMonotonicTime(t *testing.T) {
	in := newInstallation(t)
	now, err := api.Now(api.Options{Settings: in.settings, Manager: in.manager, Audit: in.agent, Version: "2.1.0"})
	if err != nil || !strings.Contains(now.String(), " m=+") {
		t.Errorf("%s is a time of day; %v", now, err)
	}
}
