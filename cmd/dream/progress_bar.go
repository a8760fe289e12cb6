package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/docker/go-units"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"dreamserver/catalog/operation"
	"dreamserver/internal/printable"
)

// bar is one line of a terminal: the operation that told of itself last, its stage, and how far that is. The library draws
// it anew several times a second, as wide as the terminal is at that moment.
type bar struct {
	now   atomic.Pointer[operation.Operation] // nil before the first
	drawn *mpb.Progress
	line  *mpb.Bar
}

// barWidth is in columns, where the terminal has them.
const barWidth = 30

func newBar(f *os.File) *bar {
	b := &bar{drawn: mpb.New(mpb.WithOutput(f))}
	filler := mpb.BarStyle().Build()
	fill := func(w io.Writer, s decor.Statistics) error {
		stage, ok := b.stage()
		if !ok || stage.Total == 0 {
			return nil
		}
		s.Total, s.Current, s.RequestedWidth = 100, int64(stage.Percent), barWidth
		return filler.Fill(w, s)
	}
	b.line = b.drawn.MustAdd(0, mpb.BarFillerFunc(fill), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.head(time.Now()) })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.tail() })))
	return b
}

func (b *bar) show(o operation.Operation) { b.now.Store(&o) }

// say puts a line above the bar.
func (b *bar) say(sentence string) { fmt.Fprintf(b.drawn, "dream: %s\n", sentence) }

// end takes the bar away.
func (b *bar) end() {
	b.line.Abort(true)
	b.drawn.Wait()
}

func (b *bar) stage() (operation.Stage, bool) {
	if o := b.now.Load(); o != nil {
		return present(*o)
	}
	return operation.Stage{}, false
}

// head is what is done, and for how long: "notes: pull 12s ".
func (b *bar) head(now time.Time) string {
	s, ok := b.stage()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s %s ", stepText(b.now.Load().Extension, s.Name), max(0, now.Sub(s.Started)).Truncate(time.Second))
}

func (b *bar) tail() string {
	s, _ := b.stage()
	if s.Total > 0 {
		return " " + pullText(s)
	}
	return printable.Line(s.Detail)
}

// pullText is how much of the images is there: "45 %, 94.3MB of 209.7MB".
func pullText(s operation.Stage) string {
	return fmt.Sprintf("%d %%, %s of %s", s.Percent, units.HumanSize(float64(s.Bytes)), units.HumanSize(float64(s.Total)))
}
