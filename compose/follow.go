package compose

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

// LogQuery says which lines of a log are wanted.
type LogQuery struct {
	Tail   int       // the last of those that there are, at most
	Since  time.Time // written at this time or later; zero: whenever
	Follow bool      // and those that will be written
}

// FollowLogs calls on, from one goroutine, for lines of the project's containers whose service is wanted: first those
// that there are, in the order of time, and then, when q says so, those that are written, also by containers that start
// later or again. It returns when ctx ends or the engine goes away; without q.Follow when there are no more lines.
func (e *Engine) FollowLogs(ctx context.Context, wanted func(service string) bool, q LogQuery, on func(LogLine)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var changes <-chan Change
	var failed <-chan error
	if q.Follow { // before looking at what runs, so that nothing starts between the two
		changes, failed = e.Changes(ctx)
	}
	all, err := e.Containers(ctx)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(all, func(c Container) bool { return !wanted(c.Service) })
	lines, err := e.past(ctx, own, q)
	if err != nil {
		return err
	}
	for _, l := range lines[max(0, len(lines)-q.Tail):] {
		on(l)
	}
	if !q.Follow {
		return nil
	}
	f := &follower{
		engine: e, since: q.Since, last: map[string]string{}, reads: map[string]bool{}, again: map[string]Container{},
		lines: make(chan LogLine), ended: make(chan string),
	}
	defer f.reading.Wait()
	defer cancel()
	for _, l := range lines {
		f.last[l.Container] = l.Time
	}
	for _, c := range own {
		f.follow(ctx, c)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case l := <-f.lines:
			f.last[l.Container] = l.Time
			on(l)
		case name := <-f.ended:
			again := f.reads[name]
			delete(f.reads, name)
			if again {
				f.follow(ctx, f.again[name])
			}
		case c, more := <-changes:
			switch {
			case !more && ctx.Err() != nil:
				return ctx.Err()
			case !more:
				return whyEnded(failed)
			case c.Action == "start" && wanted(c.Service):
				f.follow(ctx, Container{ID: c.Container, Name: c.Container, Service: c.Service})
			}
		}
	}
}

// whyEnded is why the engine's events have ended. It does not wait: not every end has an error.
func whyEnded(failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	default:
		return errors.New("docker engine: its events ended")
	}
}

// past is what the containers have printed, the last lines of each, in the order of time.
func (e *Engine) past(ctx context.Context, containers []Container, q LogQuery) ([]LogLine, error) {
	var lines []LogLine
	for _, c := range containers {
		o := container.LogsOptions{Tail: strconv.Itoa(q.Tail)}
		if !q.Since.IsZero() {
			o.Since = q.Since.Format(time.RFC3339Nano)
		}
		if err := e.readLog(ctx, c, o, maxLog, func(l LogLine) { lines = append(lines, l) }); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(lines, func(a, b LogLine) int { return cmp.Compare(a.Time, b.Time) })
	return lines, nil
}

// follower reads the logs of several containers at once. Its maps belong to the goroutine of [Engine.FollowLogs].
type follower struct {
	engine  *Engine
	since   time.Time            // of containers that have not printed anything yet
	last    map[string]string    // container → time of its last line
	reads   map[string]bool      // containers whose log is being read; true: which started again meanwhile
	again   map[string]Container // those
	lines   chan LogLine
	ended   chan string // names of containers whose log has ended: they have stopped
	reading sync.WaitGroup
}

// follow reads the container's log from its last line that is known, until it stops.
func (f *follower) follow(ctx context.Context, c Container) {
	if _, reads := f.reads[c.Name]; reads {
		f.reads[c.Name] = true
		f.again[c.Name] = c
		return
	}
	f.reads[c.Name] = false
	o := container.LogsOptions{Follow: true, Tail: "all"}
	from := f.since
	if last, err := time.Parse(time.RFC3339Nano, f.last[c.Name]); err == nil {
		from = last.Add(1)
	}
	if !from.IsZero() {
		o.Since = from.Format(time.RFC3339Nano)
	}
	f.reading.Go(func() {
		// One that cannot be read is gone. When the engine is, its events end, too.
		_ = f.engine.readLog(ctx, c, o, 0, func(l LogLine) {
			select {
			case f.lines <- l:
			case <-ctx.Done():
			}
		})
		select {
		case f.ended <- c.Name:
		case <-ctx.Done():
		}
	})
}
