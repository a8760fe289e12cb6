package manifest

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Bounds of patterns, because the time that a match takes is that of the pattern's cost times the value's length: what
// one manifest declares is matched in some milliseconds.
const (
	maxPattern      = 200  // bytes
	maxPatternCost  = 2000 // of all patterns of a manifest, in single characters to match
	maxPatternValue = 1024 // bytes of a value that has a pattern
)

func isPattern(s string) string {
	if len(s) > maxPattern {
		return fmt.Sprintf("is longer than %d bytes: write a simpler one", maxPattern)
	}
	if _, err := syntax.Parse(s, syntax.Perl); err != nil {
		return quote(s) + " is not a regular expression (RE2)"
	}
	if patternCost(s) > maxPatternCost {
		return "is too costly to match, because it repeats repetitions: write a simpler one"
	}
	if _, err := regexp.Compile(s); err != nil {
		return quote(s) + " is not a regular expression (RE2)"
	}
	return ""
}

// patternCost is how many single characters the pattern is when its repetitions are written out. Nothing is compiled.
func patternCost(s string) int {
	re, err := syntax.Parse(s, syntax.Perl)
	if s == "" || err != nil {
		return 0
	}
	return costOf(re)
}

func costOf(re *syntax.Regexp) int {
	cost := max(1, len(re.Rune)/2)
	if re.Op == syntax.OpLiteral {
		cost = len(re.Rune)
	}
	for _, sub := range re.Sub {
		if cost += costOf(sub); cost > maxPatternCost {
			return cost
		}
	}
	if re.Op == syntax.OpRepeat {
		cost *= max(re.Min, re.Max, 1)
	}
	return cost
}
