package doctor

import (
	"slices"

	"dreamserver/security/drift"
)

// Drift is where what runs is not what was approved.
type Drift struct {
	Unknown string // why nobody can say; what was found before that is told all the same
	Found   []drift.Divergence
}

func (d Drift) judge() []Finding {
	var found []Finding
	for _, f := range d.Found {
		// Who changes files or runs something beside the rest means to; what takes the place of something else need not.
		severity := Error
		if slices.Contains([]string{drift.Files, drift.Oneoff}, f.What) {
			severity = Warning
		}
		found = append(found, Finding{Severity: severity, Title: f.Message, Fix: f.Fix})
	}
	switch {
	case d.Unknown != "":
		return append(found, skipped("what runs was not compared with what was approved", d.Unknown)...)
	case len(found) == 0:
		return fine("what runs is what was approved")
	}
	return found
}
