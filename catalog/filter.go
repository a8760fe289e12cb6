package catalog

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"dreamserver/internal/problem"
	"dreamserver/security"
)

// Filter narrows, orders and pages a list of entries. The zero value is all of them, by id.
type Filter struct {
	Category      string // empty: any
	GPUCompatible *bool  // nil: any
	Query         string // words, each of which is in the id, name, description, tags or aliases, whatever their case
	Status        Status // empty: any
	Source        Source // empty: any
	Feature       string // id of a feature that it has; empty: any
	Sort          Sort   // empty: by id
	Limit         int    // at most so many; 0: all
	Cursor        string // where the page before ended
}

// Sort is an order of entries. Entries that are alike in it are in the order of their ids.
type Sort string

// The orders.
const (
	ByID       Sort = "id"
	ByName     Sort = "name"
	ByCategory Sort = "category"
	ByStatus   Sort = "status"
	ByRating   Sort = "rating" // the best first
)

// Page is what a filter leaves.
type Page struct {
	Entries []Entry
	Counts  Counts // of all that pass the filter, on every page
	Next    string // the cursor of the next page; empty on the last
}

// Page filters, orders and pages the snapshot's entries. A cursor that this program did not make, or made for another
// order, is refused.
func (s *Snapshot) Page(f Filter) (Page, error) {
	all := s.List(f)
	p := Page{Counts: Count(all), Entries: all}
	if f.Sort != "" && f.Sort != ByID {
		slices.SortStableFunc(p.Entries, func(a, b Entry) int { return cmp.Compare(f.Sort.key(a), f.Sort.key(b)) })
	}
	if f.Cursor != "" {
		after, err := readCursor(f)
		if err != nil {
			return Page{}, err
		}
		start, _ := slices.BinarySearchFunc(p.Entries, after, func(e Entry, c cursor) int {
			return cmp.Or(cmp.Compare(f.Sort.key(e), c.Key), cmp.Compare(e.ID, c.ID), -1) // behind the one that it names
		})
		p.Entries = p.Entries[start:]
	}
	if f.Limit > 0 && len(p.Entries) > f.Limit {
		p.Entries = p.Entries[:f.Limit]
		p.Next = f.cursorAt(p.Entries[f.Limit-1])
	}
	return p, nil
}

// List is the entries that pass the filter, by id.
func (s *Snapshot) List(f Filter) []Entry {
	words := strings.Fields(strings.ToLower(f.Query))
	out := []Entry{}
	for _, e := range s.Entries {
		switch {
		case f.Category != "" && e.Category != f.Category,
			f.GPUCompatible != nil && *f.GPUCompatible != e.RunsOn(s.GPUBackend),
			f.Status != "" && e.Status != f.Status,
			f.Source != "" && e.Source != f.Source,
			f.Feature != "" && !e.hasFeature(f.Feature),
			!e.mentions(words):
		default:
			out = append(out, e)
		}
	}
	return out
}

func (e *Entry) hasFeature(id string) bool {
	for _, f := range e.Features {
		if f.ID == id {
			return true
		}
	}
	return false
}

func (e *Entry) mentions(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join(slices.Concat([]string{e.ID, e.Name, e.Description}, e.Tags, e.Aliases), "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// key is what entries are ordered by, as a text.
func (s Sort) key(e Entry) string {
	switch s {
	case ByName:
		return strings.ToLower(e.Name)
	case ByCategory:
		return e.Category
	case ByStatus:
		return string(e.Status)
	case ByRating:
		return strconv.Itoa(10 + security.BestRating - e.Rating) // two digits, the best the smallest
	}
	return ""
}

// cursor names the last entry of a page by where it stands, so that the next page goes on there even when that entry is
// gone.
type cursor struct {
	Sort Sort   `json:"s,omitempty"`
	Key  string `json:"k,omitempty"`
	ID   string `json:"i"`
}

func (f Filter) cursorAt(e Entry) string {
	data, _ := json.Marshal(cursor{Sort: f.Sort, Key: f.Sort.key(e), ID: e.ID}) // three texts
	return base64.RawURLEncoding.EncodeToString(data)
}

func readCursor(f Filter) (cursor, error) {
	var c cursor
	data, err := base64.RawURLEncoding.DecodeString(f.Cursor)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.ID == "" || c.Sort != f.Sort {
		const message = "is none that a page of this list gave: begin without one, and take next_cursor of its reply"
		return c, problem.Newf(problem.InvalidParameter, "cursor: %s", message).With(problem.Item{Path: "cursor", Message: message})
	}
	return c, nil
}
