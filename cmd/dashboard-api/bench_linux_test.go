package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkReads compares requests for what is in memory with a bare net/http handler, in a process of its own as well,
// that writes the same bytes, those of the headers among them: rounds of one and the other, over 16 connections. "of-bare"
// is the share of its requests per second, "p99-of-bare" and "cpu-of-bare" how many times as long the slowest of a hundred
// and how much CPU a request takes. With "body-alone" the bare handler leaves out the headers that keep pages from misusing
// a reply and name the request.
func BenchmarkReads(b *testing.B) {
	for _, n := range []int{50, 10_000} {
		_, env := benchInstallation(b, n)
		ours := launch(b, "api", env...)
		ours.settled()
		for _, kind := range []struct{ name, path, encoding string }{
			{"catalog", "/api/extensions/catalog", "identity"},
			{"catalog-gzip", "/api/extensions/catalog", "gzip"},
			{"catalog-page", "/api/extensions/catalog?limit=50", "identity"},
			{"not-modified", "/api/extensions/catalog", "tag"},
			{"features", "/api/features", "identity"},
			{"status", "/api/status", "identity"},
		} {
			header := withKey("Accept-Encoding", strings.Replace(kind.encoding, "tag", "identity", 1))
			whole := ours.ask(kind.path, header)
			if kind.encoding == "tag" {
				header.Set("If-None-Match", whole.Header.Get("ETag"))
				whole = ours.ask(kind.path, header)
			}
			alone := whole
			alone.Header = http.Header{}
			for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length", "Etag"} {
				if v, ok := whole.Header[name]; ok {
					alone.Header[name] = v
				}
			}
			name := fmt.Sprintf("%d/%s", n, kind.name)
			b.Run(name, func(b *testing.B) { compare(b, ours, kind.path, header, whole) })
			b.Run(name+"/body-alone", func(b *testing.B) { compare(b, ours, kind.path, header, alone) })
		}
		ours.end()
	}
}

func compare(b *testing.B, ours *program, path string, header http.Header, reply bareReply) {
	data, err := json.Marshal(reply)
	must(b, err)
	file := filepath.Join(b.TempDir(), "reply.json")
	must(b, os.WriteFile(file, data, 0o644))
	bare := launch(b, "bare", "DREAM_BENCH_REPLY="+file)
	requests := max(320, min(16_000, 400<<20/(len(reply.Body)+4096))) / connections * connections
	var mine, theirs struct{ all, p99, cpu time.Duration }
	round := func(p *program, of *struct{ all, p99, cpu time.Duration }) {
		before := p.cpu()
		each, all := hammer(b, p.addr, path, header, requests)
		of.all += all
		of.p99 += each[len(each)*99/100]
		of.cpu += p.cpu() - before
	}
	hammer(b, ours.addr, path, header, requests/4) // pools are full, connections were made
	hammer(b, bare.addr, path, header, requests/4)
	for b.Loop() {
		round(ours, &mine)
		round(bare, &theirs)
	}
	b.ReportMetric(float64(len(reply.Body)), "bytes")
	b.ReportMetric(float64(requests*b.N)/mine.all.Seconds(), "req/s")
	b.ReportMetric(float64(theirs.all)/float64(mine.all), "of-bare")
	b.ReportMetric(float64(mine.p99)/float64(theirs.p99), "p99-of-bare")
	b.ReportMetric(float64(mine.cpu)/float64(theirs.cpu), "cpu-of-bare")
	b.ReportMetric(float64(mine.cpu.Microseconds())/float64(requests*b.N), "cpu-µs/req")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

// BenchmarkColdStart measures from the start of the process to its first answer of the catalogue, and its memory when it
// has read everything.
func BenchmarkColdStart(b *testing.B) {
	for _, n := range []int{50, 10_000} {
		_, env := benchInstallation(b, n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var took []time.Duration
			resident := 0
			for b.Loop() {
				began := time.Now()
				p := launch(b, "api", env...)
				if r := p.ask("/api/extensions/catalog?limit=1", withKey()); r.Status != http.StatusOK {
					b.Fatalf("%d %s", r.Status, r.Body)
				}
				took = append(took, time.Since(began))
				p.settled()
				p.ask("/api/extensions/catalog", withKey("Accept-Encoding", "gzip"))
				resident = max(resident, p.resident())
				p.end()
			}
			b.ReportMetric(inMS(middle(took, 50)), "ms-to-200")
			b.ReportMetric(float64(resident)/(1<<20), "MiB-resident")
			b.ReportMetric(0, "ns/op") // with the wait until it has settled: says nothing
		})
	}
}

// BenchmarkChange measures from a change of a manifest on disk until the API answers with it.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{50, 10_000} {
		dir, env := benchInstallation(b, n)
		p := launch(b, "api", env...)
		writeExtension(b, dir, "changing", "at first")
		p.settled()
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				for range 10 {
					text := fmt.Sprintf("changed %d", time.Now().UnixNano())
					began := time.Now()
					writeExtension(b, dir, "changing", text)
					for !bytes.Contains(p.ask("/api/extensions/changing", withKey()).Body, []byte(text)) {
						time.Sleep(time.Millisecond)
						if time.Since(began) > time.Minute {
							b.Fatal("the change does not arrive")
						}
					}
					took = append(took, time.Since(began))
				}
			}
			b.ReportMetric(inMS(middle(took, 50)), "p50-ms")
			b.ReportMetric(inMS(middle(took, 95)), "p95-ms")
			b.ReportMetric(0, "ns/op") // of ten
		})
		p.end()
	}
}

func middle(d []time.Duration, percent int) time.Duration {
	slices.SortFunc(d, cmp.Compare)
	return d[min(len(d)-1, len(d)*percent/100)]
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
