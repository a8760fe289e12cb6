package shares_test

import (
	"slices"
	"testing"

	"dreamserver/internal/shares"
)

func TestShares(t *testing.T) {
	var s shares.Shares
	took := func(who string) bool { _, ok := s.Take(who, 2, 3); return ok }
	giveBack, ok := s.Take("a", 2, 3)
	if got, want := []bool{ok, took("a"), took("a"), took("b"), took("b")}, []bool{true, true, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("a, a, a, b, b: %v, want %v", got, want)
	}
	giveBack()
	giveBack() // frees one place, not two
	if got, want := []bool{took("b"), took("b"), took("a")}, []bool{true, false, false}; !slices.Equal(got, want) {
		t.Errorf("b, b, a: %v, want %v", got, want)
	}
}
