package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/printable"
)

// progress shows how far changes are. Its methods are called one at a time.
type progress interface {
	show(o operation.Operation)
	say(sentence string) // to a person
	end()                // what moves goes off the screen
}

// newProgress is JSON lines for programs, a bar at a terminal, and lines of text elsewhere; all on stderr.
func (a *app) newProgress() progress {
	if a.json {
		return documents{a}
	}
	if f, ok := a.rawErr.(*os.File); ok && drawsOn(f) && a.getenv("TERM") != "dumb" {
		return newBar(f)
	}
	return textLines{w: a.stderr, shown: map[string]bool{}}
}

// drawsOn reports whether f is a terminal with room for a bar: a serial line does not tell its size.
func drawsOn(f *os.File) bool {
	width, height, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && height > 0
}

// secondSignal is said after the first.
const secondSignal = "interrupted: undoing what was begun; Ctrl-C again leaves at once, and the host agent finishes or undoes it"

// follow shows the changes that the manager makes, until stop is called.
func (a *app) follow(ctx context.Context, m *catalog.Manager) (stop func()) {
	p := a.newProgress()
	var one sync.Mutex
	hearing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	heard := hear(hearing, m, func(e *catalog.Event) {
		var o operation.Operation
		if e.Type == catalog.OperationEvent && json.Unmarshal(e.Data, &o) == nil {
			one.Lock()
			defer one.Unlock()
			p.show(o)
		}
	}, func() {}) // what comes next says how far it is
	said := make(chan struct{})
	unsaid := context.AfterFunc(ctx, func() {
		defer close(said)
		one.Lock()
		defer one.Unlock()
		p.say(secondSignal)
	})
	return func() {
		cancel()
		<-heard
		if !unsaid() {
			<-said
		}
		p.end()
	}
}

// hear calls on for all that the manager tells from now on, until ctx ends, and closes heard when that is done. Who is too
// slow hears what is kept of the rest, and missed when that is not all.
func hear(ctx context.Context, m *catalog.Manager, on func(*catalog.Event), missed func()) (heard <-chan struct{}) {
	done := make(chan struct{})
	l := m.Listen(0)
	go func() {
		defer close(done)
		last := l.From
		for ctx.Err() == nil {
			select {
			case e, more := <-l.Events:
				if more {
					last = e.Seq
					on(e)
					continue
				}
				if l = m.Listen(last); l.Missed {
					last = l.From
					missed()
				}
			case <-ctx.Done():
			}
		}
		l.Close() // what was told before can still be read
		for e := range l.Events {
			on(e)
		}
	}()
	return done
}

// documents are a line of JSON for each step.
type documents struct{ *app }

func (d documents) show(o operation.Operation) {
	_ = writeLine(d.stderr, map[string]operation.Operation{"operation": o}) // nobody is left to tell
}
func (d documents) say(string) {}
func (d documents) end()       {}

// textLines are a line for each stage, and for each thing that is done in it.
type textLines struct {
	w     io.Writer
	shown map[string]bool
}

func (l textLines) show(o operation.Operation) {
	for i, s := range o.Stages {
		l.once(fmt.Sprintf("%s %d", o.ID, i), stepText(o.Extension, s.Name))
	}
	if s, ok := present(o); ok && s.Detail != "" {
		line := stepText(o.Extension, s.Detail)
		l.once(o.ID+" "+line, line)
	}
}

func (l textLines) once(key, line string) {
	if !l.shown[key] {
		l.shown[key] = true
		fmt.Fprintln(l.w, line)
	}
}

func (l textLines) say(sentence string) { fmt.Fprintf(l.w, "dream: %s\n", sentence) }
func (l textLines) end()                {}

func stepText(id, what string) string { return printable.Line(id) + ": " + printable.Line(what) }

// present is the stage that an operation is in; false before its first one and after its last.
func present(o operation.Operation) (operation.Stage, bool) {
	if n := len(o.Stages); n > 0 && o.Stages[n-1].Ended.IsZero() {
		return o.Stages[n-1], true
	}
	return operation.Stage{}, false
}
