package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const listeners = 1000

// BenchmarkEvents measures what clients of GET /api/events cost: the memory of the program for each of 1,000, over TCP,
// and the time from a change on disk, and from the first who hears of it, until the last one has.
func BenchmarkEvents(b *testing.B) {
	dir, env := benchInstallation(b, 50)
	p := launch(b, "api", env...)
	writeExtension(b, dir, "changing", "at first")
	p.settled()
	for i := range 20 { // what a change takes, the program has taken before
		writeExtension(b, dir, "changing", fmt.Sprint("change ", i))
		time.Sleep(100 * time.Millisecond)
	}
	p.settled()
	before := p.resident()
	var heard hearing
	var running sync.WaitGroup
	defer running.Wait()
	for range listeners {
		conn, in := p.listen()
		defer conn.Close()
		running.Go(func() { heard.listen(in) })
	}
	time.Sleep(time.Second) // the program has sent what it sends first
	each := (p.resident() - before) / listeners
	var all, spread []time.Duration
	file := filepath.Join(dir, "data", "user-extensions", "changing", "compose.yaml")
	for b.Loop() {
		for i := range 10 {
			status, from, to := "disabled", file, file+".disabled"
			if i%2 == 1 {
				status, from, to = "enabled", to, from
			}
			done := heard.of(`"status":"` + status + `"`)
			began := time.Now()
			must(b, os.Rename(from, to))
			select {
			case <-done:
			case <-time.After(time.Minute):
				b.Fatal("not everybody hears of it")
			}
			all = append(all, heard.last.Sub(began))
			spread = append(spread, heard.last.Sub(heard.first))
		}
	}
	after := (p.resident() - before) / listeners
	b.ReportMetric(float64(each)/1024, "KiB/client")
	b.ReportMetric(float64(after)/1024, "KiB/client-after")
	b.ReportMetric(inMS(middle(spread, 50)), "p50-ms-first-to-last")
	b.ReportMetric(inMS(middle(spread, 95)), "p95-ms-first-to-last")
	b.ReportMetric(inMS(middle(all, 95)), "p95-ms-change-to-last")
	b.ReportMetric(0, "ns/op") // of ten
}

// listen opens a stream of events. What is read is behind the reply's header.
func (p *program) listen() (net.Conn, *bufio.Reader) {
	p.b.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.addr)
	must(p.b, err)
	_, err = fmt.Fprintf(conn, "GET /api/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", p.addr, key)
	must(p.b, err)
	in := bufio.NewReaderSize(conn, 1<<10)
	line, err := in.ReadString('\n')
	must(p.b, err)
	if line != "HTTP/1.1 200 OK\r\n" {
		p.b.Fatal(line)
	}
	return conn, in
}

// hearing waits until all listeners have heard of something.
type hearing struct {
	mu          sync.Mutex
	text        []byte
	left        int
	first, last time.Time
	done        chan struct{}
}

// of closes the channel when all have heard the text.
func (h *hearing) of(text string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text, h.left, h.first, h.done = []byte(text), listeners, time.Time{}, make(chan struct{})
	return h.done
}

// listen ends with the stream.
func (h *hearing) listen(in *bufio.Reader) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if !bytes.HasPrefix(line, []byte("data: {\"id\":\"changing\",\"status")) {
			continue
		}
		now := time.Now()
		h.mu.Lock()
		if bytes.Contains(line, h.text) && h.left > 0 {
			if h.first.IsZero() {
				h.first = now
			}
			h.last = now
			if h.left--; h.left == 0 {
				close(h.done)
			}
		}
		h.mu.Unlock()
	}
}
