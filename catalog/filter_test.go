package catalog_test

import (
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

func filterable(t *testing.T) *catalog.Snapshot {
	t.Helper()
	in := newInstallation(
		t, library("notes", "tags: [writing, ideas]", "description: Keeps what you think"), library("wiki", "aliases: [pages]", "category: recommended"),
		enabled("board"), builtin("search", "compose.yaml", "category: recommended"),
		"-- data/extensions-library/paint/manifest.yaml --\n"+manifestOf("paint", "gpu_backends: [nvidia]")+"features: [{id: draw, name: Draw}]\n"+
			"-- data/extensions-library/paint/compose.yaml --\n"+fragmentOf("paint"),
	)
	return in.Snapshot()
}

func idsOf(entries []catalog.Entry) string {
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func TestPage_FiltersAndOrders(t *testing.T) {
	s := filterable(t)
	for _, tt := range []struct {
		filter catalog.Filter
		want   string
	}{
		{catalog.Filter{}, "board dashboard notes paint search wiki"},
		{catalog.Filter{Query: "IDEAS think"}, "notes"},
		{catalog.Filter{Query: "ideas nothing"}, ""},
		{catalog.Filter{Query: "pages"}, "wiki"},
		{catalog.Filter{Status: catalog.NotInstalled}, "notes wiki"},
		{catalog.Filter{Status: catalog.Incompatible}, "paint"},
		{catalog.Filter{Source: catalog.FromUser}, "board"},
		{catalog.Filter{Source: catalog.FromCore, Category: "recommended"}, "search"},
		{catalog.Filter{Feature: "draw"}, "paint"},
		{catalog.Filter{Feature: "none"}, ""},
		{catalog.Filter{Sort: catalog.ByCategory}, "dashboard board notes paint search wiki"},
		{catalog.Filter{Sort: catalog.ByStatus}, "board dashboard search paint notes wiki"},
		{catalog.Filter{Sort: catalog.ByName}, "board dashboard notes paint search wiki"},
	} {
		p, err := s.Page(tt.filter)
		if got := idsOf(p.Entries); err != nil || got != tt.want || p.Counts.Total != len(p.Entries) {
			t.Errorf("%+v: %q, %v, total %d; want %q", tt.filter, got, err, p.Counts.Total, tt.want)
		}
	}
	rated, err := s.Page(catalog.Filter{Sort: catalog.ByRating})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range rated.Entries[1:] {
		if e.Rating > rated.Entries[i].Rating {
			t.Errorf("%s with %d comes behind %s with %d", e.ID, e.Rating, rated.Entries[i].ID, rated.Entries[i].Rating)
		}
	}
}

// Pages together are the list, in each order, whatever the size of a page.
func TestPage_PagesAreTheWholeListOnce(t *testing.T) {
	s := filterable(t)
	for _, sort := range []catalog.Sort{"", catalog.ByID, catalog.ByName, catalog.ByCategory, catalog.ByStatus, catalog.ByRating} {
		whole, err := s.Page(catalog.Filter{Sort: sort})
		if err != nil {
			t.Fatal(err)
		}
		for limit := 1; limit <= len(whole.Entries)+1; limit++ {
			var got []catalog.Entry
			f := catalog.Filter{Sort: sort, Limit: limit}
			for range 20 {
				p, err := s.Page(f)
				if err != nil {
					t.Fatal(err)
				}
				wantEqual(t, "total", whole.Counts, p.Counts)
				got = append(got, p.Entries...)
				if f.Cursor = p.Next; f.Cursor == "" {
					break
				}
			}
			wantEqual(t, "pages of "+string(sort), idsOf(whole.Entries), idsOf(got))
		}
	}
}

// A page goes on where the last one ended, also when the entry that it ended with is gone.
func TestPage_GoesOnBehindAnEntryThatIsGone(t *testing.T) {
	s := filterable(t)
	p, err := s.Page(catalog.Filter{Limit: 3})
	if err != nil {
		t.Fatal(err)
	}
	without := *s
	without.Entries = append(append([]catalog.Entry{}, s.Entries[:2]...), s.Entries[3:]...)
	next, err := without.Page(catalog.Filter{Limit: 3, Cursor: p.Next})
	if err != nil || idsOf(next.Entries) != "paint search wiki" {
		t.Errorf("%q, %v; want what was behind notes", idsOf(next.Entries), err)
	}
	for name, f := range map[string]catalog.Filter{"garbage": {Cursor: "garbage!"}, "empty": {Cursor: "e30"}, "of another order": {Cursor: p.Next, Sort: catalog.ByName}} {
		if _, err := s.Page(f); !problem.HasCode(err, problem.InvalidParameter) {
			t.Errorf("cursor %s: %v, want invalid_parameter", name, err)
		}
	}
}
