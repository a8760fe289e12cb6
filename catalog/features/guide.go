package features

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Guide says how to get a feature on this machine from where it is now.
type Guide struct {
	ID, Name string
	Status   Status
	Steps    []string
	Pages    []Page
}

// Page is what people open once the feature is on. Where it is seen from is for the caller to say.
type Page struct {
	ID, Label string
	Port      int
	Path      string
	Local     bool // no other machine reaches the port
}

// GuideTo is the guide to the feature with this id, also to one of an extension that is not enabled. The error names what
// comes near.
func GuideTo(s *catalog.Snapshot, id string) (Guide, error) {
	v := view{s}
	owner, f, ok := v.find(id)
	if !ok {
		return Guide{}, v.unknownFeature(id)
	}
	j := v.judge(owner, f)
	g := Guide{ID: j.ID, Name: j.Name, Status: j.Status, Pages: v.pages(owner, f)}
	switch {
	case owner.Status != catalog.Enabled && j.Status != Incompatible:
		g.Steps = v.steps(j, append([]standing{v.stand(owner.ID)}, j.wanted...))
	case j.Status == Enabled:
		g.Steps = []string{"It is on: nothing is left to do"}
	case j.Status == Incompatible, j.Status == InsufficientVRAM:
		g.Steps = []string{"It cannot be had as this machine is: " + j.Reason, sentence(j.Next)}
	default:
		g.Steps = v.steps(j, j.wanted)
	}
	for i, step := range g.Steps {
		g.Steps[i] = oneLine(step)
	}
	return g, nil
}

func (v view) unknownFeature(id string) error {
	var ids []string
	for _, e := range v.Entries {
		for _, f := range e.Features {
			if !slices.Contains(ids, f.ID) {
				ids = append(ids, f.ID)
			}
		}
	}
	if len(id) > 80 {
		id = id[:80] + "…"
	}
	near := catalog.Near(id, ids)
	if own := v.featuresOf(id); len(own) > 0 { // the name of an extension was taken for that of what it can do
		near = own[:min(maxSuggestions, len(own))]
	}
	if len(near) > 0 {
		return problem.Newf(problem.NotFound, "no extension has a feature %q; did you mean %s?", id, strings.Join(near, ", "))
	}
	return problem.Newf(problem.NotFound, "no extension has a feature %q: `dream features` and GET /api/features list those of the enabled ones", id)
}

// featuresOf are the ids of the features of one extension.
func (v view) featuresOf(extension string) []string {
	e, _ := v.Find(extension)
	var ids []string
	for _, f := range e.Features {
		ids = append(ids, f.ID)
	}
	return ids
}

// steps lead through everything that is missing: first room, then each service after those that it needs, then a look.
func (v view) steps(j judgement, wanted []standing) []string {
	var steps []string
	if text := v.vramText(j.Needs); text != "" {
		steps = append(steps, upper(text)+": see that it suffices")
	}
	if text := v.diskText(j.Needs); slices.Contains(j.Needs.Unknown, "disk") {
		steps = append(steps, upper(text)+": see that it suffices")
	} else if text != "" {
		steps = append(steps, upper(text)+": make room first")
	}
	seen := map[string]bool{}
	for _, s := range wanted {
		steps = v.raise(steps, s, seen)
	}
	return append(steps, "See that it is on: run `dream features`")
}

// raise adds the steps that bring a service up, and before them those of what it needs.
func (v view) raise(steps []string, s standing, seen map[string]bool) []string {
	if seen[s.id] || s.up {
		return steps
	}
	seen[s.id] = true
	for _, id := range s.entry.DependsOn {
		steps = v.raise(steps, v.stand(id), seen)
	}
	if s.entry.Status == catalog.NotInstalled || s.entry.Status == catalog.Disabled {
		steps = append(steps, variables(s.entry)...)
	}
	if s.next == bringBack {
		if step := bringBack.Text + ": " + cmp.Or(v.Agent.Docker, v.Agent.Reason, "run `"+bringBack.Command+"`"); !slices.Contains(steps, step) {
			steps = append(steps, step)
		}
		return steps
	}
	step := lower(sentence(s.next))
	if button := map[catalog.Status]string{catalog.NotInstalled: "Install", catalog.Disabled: "Enable"}[s.entry.Status]; button != "" && s.next.Request != "" {
		step = fmt.Sprintf("run `%s`, or click %s at %s on the page Extensions", s.next.Command, button, s.entry.Name)
	}
	return append(steps, s.sentence()+": "+step) // it begins with the id, as commands take it
}

// variables are what nobody but the owner can say. Whether they are set already is not for the API to know.
func variables(e catalog.Entry) []string {
	var steps []string
	for _, v := range e.EnvVars {
		if !v.Required || v.Default != nil || v.Generate != nil {
			continue
		}
		about := cmp.Or(strings.TrimSuffix(v.Description, "."), string(v.Type))
		if v.Example != "" {
			about += ", such as " + v.Example
		}
		assignment := v.Key + "=…"
		if v.Secret || v.Type == manifest.SecretVar {
			assignment = v.Key // the command asks, so that the value is in no command line
		}
		steps = append(steps, fmt.Sprintf("Unless it is set: %s takes %s (%s): run `dream config %s set %s`", e.ID, v.Key, about, e.ID, assignment))
	}
	return steps
}

// pages are those of the services that the feature needs, and of its extension, as far as they are enabled.
func (v view) pages(owner catalog.Entry, f manifest.Feature) []Page {
	out := []Page{}
	ids := slices.Concat([]string{owner.ID}, f.EnabledServicesAll, f.EnabledServicesAny, f.Requirements.ServicesAll, f.Requirements.Services, f.Requirements.ServicesAny)
	for i, id := range ids {
		e, ok := v.Find(id)
		if !ok || slices.Contains(ids[:i], id) || e.Status != catalog.Enabled || e.Problem != "" || e.Reach.Path == "" || e.Reach.Port == 0 {
			continue
		}
		out = append(out, Page{ID: id, Label: e.Name, Port: e.Reach.Port, Path: e.Reach.Path, Local: e.Reach.Local})
	}
	return out
}

// oneLine keeps what a manifest says from looking like steps of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// sentence is a step in words, with its command.
func sentence(n Next) string {
	if n.Command == "" {
		return n.Text
	}
	return fmt.Sprintf("%s: run `%s`", n.Text, n.Command)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// lower is for a text that begins with one of our own verbs.
func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }
