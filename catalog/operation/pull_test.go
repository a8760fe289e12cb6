package operation_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"dreamserver/catalog/operation"
	"dreamserver/compose"
)

// The file is what docker compose 5.5.1 printed of an image of five layers from a registry on the same machine.
func TestPull_OfARecordedRun(t *testing.T) {
	f, err := os.Open("testdata/pull.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var p operation.Pull
	var events int
	var lastDone int64
	lastPercent := 0
	for s := bufio.NewScanner(f); s.Scan(); events++ {
		var e compose.Event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		p.Add(e)
		done, total, percent := p.Sum()
		if done < lastDone || percent < lastPercent || done > total || percent > 100 {
			t.Fatalf("event %d: %d of %d bytes, %d%% after %d bytes, %d%%", events, done, total, percent, lastDone, lastPercent)
		}
		lastDone, lastPercent = done, percent
	}
	done, total, percent := p.Sum()
	if events < 50 || percent != 100 || done != total || total < 200<<20 {
		t.Errorf("after %d events: %d of %d bytes, %d%%", events, done, total, percent)
	}
}

func TestPull_Sums(t *testing.T) {
	layer := func(id, text string, current, total int64) compose.Event {
		return compose.Event{ID: id, Parent: "Image example/app:1", Text: text, Current: current, Total: total}
	}
	tests := []struct {
		name        string
		events      []compose.Event
		done, total int64
		percent     int
	}{
		{name: "nothing"},
		{name: "the image itself is no layer", events: []compose.Event{{ID: "Image example/app:1", Text: "Pulling"}}},
		{name: "announced", events: []compose.Event{layer("a", "Pulling fs layer", 0, 0)}},
		{name: "half", events: []compose.Event{layer("a", "Downloading", 50, 100)}, done: 50, total: 100, percent: 50},
		{
			name:   "one small layer of two is not everything",
			events: []compose.Event{layer("a", "Pulling fs layer", 0, 0), layer("b", "Pulling fs layer", 0, 0), layer("a", "Downloading", 10, 10)},
			done:   10, total: 10, percent: 50,
		},
		{
			name:   "one that is here already is not waited for",
			events: []compose.Event{layer("a", "Pulling fs layer", 0, 0), layer("b", "Already exists", 0, 0), layer("a", "Downloading", 10, 10)},
			done:   10, total: 10, percent: 100,
		},
		{
			name:   "extracting is downloaded",
			events: []compose.Event{layer("a", "Downloading", 50, 100), layer("a", "Extracting", 1, 100)},
			done:   100, total: 100, percent: 100,
		},
		{
			name:   "the percentage does not go back",
			events: []compose.Event{layer("a", "Downloading", 90, 100), layer("b", "Downloading", 0, 900)},
			done:   90, total: 1000, percent: 90,
		},
		{
			name: "a registry that says what cannot be",
			events: []compose.Event{
				layer("a", "Pulling fs layer", 0, 0), layer("b", "Pulling fs layer", 0, 0), layer("c", "Pulling fs layer", 0, 0),
				layer("d", "Downloading", 1<<62, 1<<62), layer("e", "Downloading", -5, -1),
			},
			done: 1 << 45, total: 1 << 45, percent: 25,
		},
		{
			name: "two images with one layer's name",
			events: []compose.Event{
				layer("a", "Downloading", 5, 10), {ID: "a", Parent: "Image example/db:1", Text: "Downloading", Current: 5, Total: 10},
			},
			done: 10, total: 20, percent: 50,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p operation.Pull
			for _, e := range tt.events {
				p.Add(e)
				p.Sum()
			}
			if done, total, percent := p.Sum(); done != tt.done || total != tt.total || percent != tt.percent {
				t.Errorf("%d of %d bytes, %d%%, want %d of %d, %d%%", done, total, percent, tt.done, tt.total, tt.percent)
			}
		})
	}
}
