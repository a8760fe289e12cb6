package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/printable"
)

// warnAgent says why what runs is not known, and which version the agent has if it is not ours.
func (a *app) warnAgent(s catalog.AgentStatus) {
	switch {
	case !s.Available:
		a.warn("what runs is not known: %s%s", s.Reason, parenthesis(s.Code))
	case s.Docker != "":
		a.warn("what runs is not known: %s", s.Docker)
	}
	if s.Policies != "" {
		a.warn("%s", s.Policies)
	}
	if s.Mismatch != "" {
		a.warn("%s", s.Mismatch)
	}
}

// warnSkipped names what takes no part although somebody put it there.
func (a *app) warnSkipped(skipped []compose.Skip) {
	for _, s := range skipped {
		if s.Warning {
			a.warn("skipped %s: %s", printable.Line(s.Path), s.Reason)
		}
	}
}

// writeReasons prints a headed list, sorted, or nothing when it is empty.
func writeReasons(w io.Writer, head string, reasons map[string]string) {
	if len(reasons) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", head)
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(w, "  %s: %s\n", printable.Line(id), strings.ReplaceAll(reasons[id], "\n", "\n    "))
	}
}
