// Package features says what the enabled extensions make possible on this machine: which features are on, and what the
// others lack. [Of] is a function of a snapshot: it reads no file and asks nobody.
//
//	features.go   the list            machine.go    GPU memory and disk
//	judge.go      one feature         suggest.go    what to do next
//	service.go    one service         guide.go      how to get a feature, step by step
//
// What is not known is said so: while the host agent is away, no feature is enabled and none is impossible.
package features

import (
	"cmp"
	"slices"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

// Status is how a feature is found. The words are those of the reference's clients.
type Status string

// The statuses, in the order in which they are looked at.
const (
	Incompatible     Status = "incompatible" // it, or a service that it cannot do without, is not made for this machine
	Enabled          Status = "enabled"
	InsufficientVRAM Status = "insufficient_vram"
	ServicesNeeded   Status = "services_needed"
	Available        Status = "available" // what it needs is there, and it is not on
)

// Overview is every feature of the enabled extensions, and what to do next. The JSON names are the wire contract's.
type Overview struct {
	Features        []Judged     `json:"features"` // by priority
	Summary         Tally        `json:"summary"`
	Suggestions     []Suggestion `json:"suggestions"`
	Recommendations []string     `json:"recommendations" doc:"what a person should know of this machine, in sentences"`
	GPU             Card         `json:"gpu"`
}

// Judged is a feature as this machine has it.
type Judged struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Icon        string `json:"icon"`
	Category    string `json:"category"`
	Extension   string `json:"extension" doc:"the extension that it is a feature of"`
	Status      Status `json:"status" enum:"enabled,available,services_needed,insufficient_vram,incompatible"`
	Enabled     bool   `json:"enabled"`
	Reason      string `json:"reason" doc:"why it has this status, in words"`
	Next        Next   `json:"next"`
	Needs       Needs  `json:"requirements"`
	SetupTime   string `json:"setupTime"`
	Priority    int    `json:"priority"`
}

// Next is what to do about a feature.
type Next struct {
	Text    string `json:"text" doc:"what to do, for a person"`
	Command string `json:"command,omitempty" doc:"the command that does it, or shows more"`
	Request string `json:"request,omitempty" doc:"the request of this API that does it: method and path"`
}

// Needs is what a feature requires, and what of it is there. Of services that are not in ServicesAvailable nobody knows
// that they run.
type Needs struct {
	VRAMGB            float64  `json:"vramGb"`
	VRAMOK            bool     `json:"vramOk" doc:"it is known that the GPU has enough"`
	VRAMFits          bool     `json:"vramFits" doc:"it is known that enough of it is free; of an enabled feature the same as vramOk"`
	DiskGB            float64  `json:"diskGb"`
	DiskOK            bool     `json:"diskOk" doc:"it is known that enough is free, or what takes the space is there already"`
	Services          []string `json:"services"`
	ServicesAll       []string `json:"servicesAll"`
	ServicesAny       []string `json:"servicesAny"`
	ServicesAvailable []string `json:"servicesAvailable"`
	ServicesMissing   []string `json:"servicesMissing" doc:"those that do not run; of servicesAny, all while none runs"`
	ServicesUnknown   []string `json:"servicesUnknown" doc:"those of which nobody can tell whether they run"`
	ServicesOK        bool     `json:"servicesOk"`
	Unknown           []string `json:"unknown" enum:"services,vram,disk" doc:"what of all this is not known now"`
}

// Tally counts a list of features.
type Tally struct {
	Enabled   int `json:"enabled"`
	Available int `json:"available"`
	Total     int `json:"total"`
	Progress  int `json:"progress" minimum:"0" maximum:"100"`
}

// Of is the features of the enabled extensions. Of two with one id the first extension's counts.
func Of(s *catalog.Snapshot) Overview {
	v := view{s}
	o := Overview{Features: []Judged{}, Recommendations: []string{}, GPU: v.card()}
	seen := map[string]bool{}
	for _, e := range s.Entries {
		if e.Status != catalog.Enabled {
			continue
		}
		for _, f := range e.Features {
			if !seen[f.ID] {
				seen[f.ID] = true
				o.Features = append(o.Features, v.judge(e, f).Judged)
			}
		}
	}
	slices.SortStableFunc(o.Features, func(a, b Judged) int { return cmp.Compare(a.Priority, b.Priority) })
	o.Summary = tally(o.Features)
	o.Suggestions = suggestions(o.Features)
	o.Recommendations = v.recommendations(o.Features)
	return o
}

func tally(all []Judged) Tally {
	t := Tally{Total: len(all)}
	for _, f := range all {
		switch f.Status {
		case Enabled:
			t.Enabled++
		case Available:
			t.Available++
		}
	}
	if t.Total > 0 {
		t.Progress = 100 * t.Enabled / t.Total
	}
	return t
}

// view is a snapshot to judge by.
type view struct{ *catalog.Snapshot }

// find is the feature with this id: of an enabled extension before others.
func (v view) find(id string) (owner catalog.Entry, f manifest.Feature, ok bool) {
	for _, e := range v.Entries {
		for _, one := range e.Features {
			if one.ID == id && (!ok || e.Status == catalog.Enabled && owner.Status != catalog.Enabled) {
				owner, f, ok = e, one, true
			}
		}
	}
	return owner, f, ok
}
