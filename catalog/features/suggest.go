package features

import (
	"fmt"

	"dreamserver/catalog"
)

// maxSuggestions is how many next steps a person is shown at once.
const maxSuggestions = 3

// Suggestion is one thing to do next.
type Suggestion struct {
	FeatureID string `json:"featureId"`
	Name      string `json:"name"`
	Message   string `json:"message"`
	Action    string `json:"action"`
	SetupTime string `json:"setupTime"`
	Blocked   bool   `json:"blocked,omitempty" doc:"something else has to be done first, which the action names"`
}

// suggestions are steps that lead somewhere on this machine.
func suggestions(all []Judged) []Suggestion {
	out := []Suggestion{}
	for _, f := range all {
		if len(out) == maxSuggestions {
			break
		}
		switch f.Status {
		case Available, ServicesNeeded:
			out = append(out, Suggestion{
				FeatureID: f.ID, Name: f.Name, SetupTime: f.SetupTime, Action: f.Next.Text,
				Message: fmt.Sprintf("%s is not on: %s", f.Name, f.Reason),
				Blocked: f.Status == ServicesNeeded || !f.Needs.VRAMFits || !f.Needs.DiskOK,
			})
		}
	}
	return out
}

// recommendations are what a person should know, beyond single features.
func (v view) recommendations(all []Judged) []string {
	out := []string{}
	switch {
	case !v.Agent.Available:
		out = append(out, "Which services run is not known: "+v.Agent.Reason)
	case v.Agent.Docker != "":
		out = append(out, "Which services run is not known: "+v.Agent.Docker)
	case !v.Machine.Known:
		out = append(out, "What GPU this machine has, and how much of its disk is free, is not known yet.")
	}
	short := 0
	for _, f := range all {
		if f.Status == InsufficientVRAM {
			short++
		}
	}
	if short > 0 {
		out = append(out, fmt.Sprintf("%s too little GPU memory for %s.", has(v.Machine), count(short, "feature")))
	}
	free, known := v.vramFree()
	for _, f := range all {
		if known && (f.Status == Available || f.Status == ServicesNeeded) && f.Needs.VRAMOK && !f.Needs.VRAMFits {
			out = append(out, fmt.Sprintf("%s needs %s of GPU memory and %.1f GiB are free: stop what else uses the GPU before you start it.", f.Name, gigabytes(f.Needs.VRAMGB), gib(free)))
			break // one is enough to know
		}
	}
	return out
}

func has(m catalog.Machine) string {
	if m.GPUCount == 0 && m.VRAMTotal == 0 {
		return "This machine has no GPU, and so"
	}
	if m.GPUName == "" {
		return "The GPU has"
	}
	return m.GPUName + " has"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
