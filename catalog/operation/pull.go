package operation

import (
	"strings"

	"dreamserver/compose"
)

// Pull adds up the layers of the images that one stage fetches. Docker tells of a layer's size when its download begins,
// so the total grows, and until all are known the percentage takes the others for average ones. It does not go back.
// The zero value is ready; it is for one goroutine.
type Pull struct {
	layers  map[string]layer
	percent int
}

// maxLayer bounds what a registry may say of a layer, in bytes: sums of a thousand of them still fit a number.
const maxLayer = 1 << 45

// layer is in bytes. One that is had already, or that is too small to be seen loading, has no size.
type layer struct {
	done, total int64
	complete    bool
}

// Add takes an event of docker compose. It reports whether the numbers have changed.
func (p *Pull) Add(e compose.Event) bool {
	if e.Parent == "" {
		return false
	}
	if p.layers == nil {
		p.layers = map[string]layer{}
	}
	key := e.Parent + " " + e.ID
	l, known := p.layers[key]
	before := l
	switch e.Text {
	case "Downloading":
		l.total = max(l.total, min(e.Total, maxLayer))
		l.done = max(l.done, min(e.Current, l.total))
	case "Download complete", "Extracting", "Pull complete", "Already exists":
		l.done, l.complete = l.total, true
	}
	p.layers[key] = l
	return !known || l != before
}

// Sum is what is downloaded, of how much, in bytes and in per cent.
func (p *Pull) Sum() (done, total int64, percent int) {
	var sized, unknown int64
	for _, l := range p.layers {
		done += l.done
		total += l.total
		switch {
		case l.total > 0:
			sized++
		case !l.complete:
			unknown++
		}
	}
	if total > 0 {
		expected := float64(total) * float64(sized+unknown) / float64(sized)
		p.percent = max(p.percent, min(100, int(100*float64(done)/expected)))
	}
	return done, total, p.percent
}

// describe is an event in a few words: "Container dream-notes: Starting".
func describe(e compose.Event) string {
	if e.Parent != "" {
		return strings.TrimSpace(strings.TrimPrefix(e.Parent, "Image ") + ": " + strings.ToLower(e.Text))
	}
	return e.ID + ": " + strings.ToLower(e.Text)
}
