package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

// maxSuggestions is how many next steps a person is shown at once.
const maxSuggestions = 3

// featuresBody keeps the reference's field names. What this machine's GPU has is not known to the API yet: VRAM
// counts as sufficient only for features that need none, and no feature is called impossible for lack of it.
type featuresBody struct {
	Features        []featureBody   `json:"features"`
	Summary         featuresSummary `json:"summary"`
	Suggestions     []suggestion    `json:"suggestions"`
	Recommendations []string        `json:"recommendations"`
	GPU             gpuBody         `json:"gpu"`
}

type featureBody struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Description  string           `json:"description"`
	Icon         string           `json:"icon"`
	Category     string           `json:"category"`
	Status       string           `json:"status" enum:"enabled,available,services_needed,insufficient_vram,incompatible"`
	Enabled      bool             `json:"enabled"`
	Requirements requirementsBody `json:"requirements"`
	SetupTime    string           `json:"setupTime"`
	Priority     int              `json:"priority"`
}

type requirementsBody struct {
	VRAMGB            float64  `json:"vramGb"`
	VRAMOK            bool     `json:"vramOk" doc:"true when it is known that the GPU has enough"`
	VRAMFits          bool     `json:"vramFits" doc:"true when it is known that enough of it is free"`
	Services          []string `json:"services"`
	ServicesAll       []string `json:"servicesAll"`
	ServicesAny       []string `json:"servicesAny"`
	ServicesAvailable []string `json:"servicesAvailable"`
	ServicesMissing   []string `json:"servicesMissing"`
	ServicesOK        bool     `json:"servicesOk"`
}

type featuresSummary struct {
	Enabled   int `json:"enabled"`
	Available int `json:"available"`
	Total     int `json:"total"`
	Progress  int `json:"progress" minimum:"0" maximum:"100"`
}

type suggestion struct {
	FeatureID string `json:"featureId"`
	Name      string `json:"name"`
	Message   string `json:"message"`
	Action    string `json:"action"`
	SetupTime string `json:"setupTime"`
	Blocked   bool   `json:"blocked,omitempty"`
}

type gpuBody struct {
	Name   string  `json:"name"`
	VRAMGB float64 `json:"vramGb"`
	Tier   string  `json:"tier"`
}

func (s *server) listFeatures(context.Context, *struct{}) (*reply[featuresBody], error) {
	return respond(newFeaturesBody(s.extensions.Snapshot()), nil)
}

func newFeaturesBody(s *catalog.Snapshot) featuresBody {
	b := featuresBody{
		Features: enabledFeatures(s), Suggestions: []suggestion{}, Recommendations: []string{},
		GPU: gpuBody{Name: s.GPUBackend, Tier: "Unknown"},
	}
	b.Summary.Total = len(b.Features)
	for _, f := range b.Features {
		switch f.Status {
		case "enabled":
			b.Summary.Enabled++
			continue
		case "available":
			b.Summary.Available++
		}
		if len(b.Suggestions) < maxSuggestions && f.Status != "incompatible" {
			b.Suggestions = append(b.Suggestions, suggest(f))
		}
	}
	if b.Summary.Total > 0 {
		b.Summary.Progress = 100 * b.Summary.Enabled / b.Summary.Total
	}
	if !s.Agent.Available {
		b.Recommendations = append(b.Recommendations, "Which services run is not known: "+s.Agent.Reason)
	}
	return b
}

// enabledFeatures are the features of enabled extensions, by priority. Of two with one id the first extension's
// counts.
func enabledFeatures(s *catalog.Snapshot) []featureBody {
	out := []featureBody{}
	for _, e := range s.Entries {
		if e.Status != catalog.Enabled {
			continue
		}
		for _, f := range e.Features {
			if !slices.ContainsFunc(out, func(o featureBody) bool { return o.ID == f.ID }) {
				out = append(out, newFeatureBody(s, e.ID, f))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b featureBody) int { return cmp.Compare(a.Priority, b.Priority) })
	return out
}

func newFeatureBody(s *catalog.Snapshot, owner string, f manifest.Feature) featureBody {
	r := f.Requirements
	all := list(r.ServicesAll)
	if len(all) == 0 {
		all = list(r.Services)
	}
	needs := requirementsBody{
		VRAMGB: r.VRAMGB, VRAMOK: r.VRAMGB == 0, VRAMFits: r.VRAMGB == 0,
		Services: list(r.Services), ServicesAll: all, ServicesAny: list(r.ServicesAny),
		ServicesAvailable: []string{}, ServicesMissing: []string{},
	}
	for _, id := range all {
		if runs(s, id) {
			needs.ServicesAvailable = append(needs.ServicesAvailable, id)
		} else {
			needs.ServicesMissing = append(needs.ServicesMissing, id)
		}
	}
	anyRuns := anyOf(s, needs.ServicesAny)
	if !anyRuns {
		needs.ServicesMissing = append(needs.ServicesMissing, needs.ServicesAny...)
	}
	needs.ServicesOK = len(needs.ServicesMissing) == 0

	b := featureBody{
		ID: f.ID, Name: f.Name, Description: f.Description, Icon: cmp.Or(f.Icon, "Package"), Category: cmp.Or(f.Category, "other"),
		Requirements: needs, SetupTime: cmp.Or(f.SetupTime, "Unknown"), Priority: f.Priority,
	}
	b.Status = featureStatus(s, owner, f, needs)
	b.Enabled = b.Status == "enabled"
	return b
}

// featureStatus is enabled when the services run that the manifest names for it, else those that it needs, else
// its own extension.
func featureStatus(s *catalog.Snapshot, owner string, f manifest.Feature, needs requirementsBody) string {
	on := f.EnabledServicesAll
	if len(on) == 0 {
		on = needs.ServicesAll
	}
	if len(on) == 0 && len(f.EnabledServicesAny) == 0 && len(needs.ServicesAny) == 0 {
		on = []string{owner}
	}
	switch {
	case !madeFor(f.GPUBackends, s.GPUBackend):
		return "incompatible"
	case !slices.ContainsFunc(on, func(id string) bool { return !runs(s, id) }) && anyOf(s, f.EnabledServicesAny):
		return "enabled"
	case !needs.ServicesOK:
		return "services_needed"
	}
	return "available"
}

func madeFor(backends []string, backend string) bool {
	return len(backends) == 0 || slices.Contains(backends, "all") || slices.Contains(backends, backend)
}

// anyOf reports whether one of the services runs; of none, nothing is asked.
func anyOf(s *catalog.Snapshot, ids []string) bool {
	return len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return runs(s, id) })
}

// runs reports whether the service is known to run and not known to be unwell.
func runs(s *catalog.Snapshot, id string) bool {
	e, ok := s.Find(id)
	return ok && e.Status == catalog.Enabled && e.Runtime.State == "running" && e.Runtime.Health != "unhealthy"
}

func suggest(f featureBody) suggestion {
	sg := suggestion{FeatureID: f.ID, Name: f.Name, SetupTime: f.SetupTime}
	if f.Status == "available" {
		sg.Message = f.Name + " has what it needs and is not enabled"
		sg.Action = "Enable " + f.Name
		return sg
	}
	missing := strings.Join(f.Requirements.ServicesMissing, ", ")
	sg.Message = fmt.Sprintf("%s needs services that do not run: %s", f.Name, missing)
	sg.Action = "Start " + missing
	sg.Blocked = true
	return sg
}
