package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/internal/printable"
	"dreamserver/manifest"
	"dreamserver/security/policy"
)

// planText is a plan for people: what would change by whom as a diff, then what else would come of it, then the hash. grants
// are those that it was asked with.
func planText(p catalog.Plan, grants []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n", p.Operation, p.ID, verdictText(p))
	for _, e := range p.Errors {
		if !strings.Contains(p.Text, e.Message) {
			fmt.Fprintf(&b, "  %s\n", itemText(e))
		}
	}
	if len(p.Diff) > 0 {
		b.WriteString("\n--- submitted\n+++ effective\n")
		for _, c := range p.Diff {
			b.WriteString(changeText(c))
		}
	}
	section(&b, "Policies", decisionLines(p.Decisions))
	section(&b, "Warnings", p.Warnings)
	section(&b, "Ports", portLines(p.Ports))
	section(&b, "Grants", grantLines(p.Grants))
	section(&b, "Images", imageLines(p.Images))
	section(&b, "Containers", serviceLines(p.Services))
	section(&b, "Secrets to make", p.Generated)
	if p.Hash != "" {
		fmt.Fprintf(&b, "\nHash: %s\n", p.Hash)
		if given := strings.Join(slices.Concat(grants, missingWords(p.Grants)), ","); p.Verdict == catalog.PlanAllowed || len(p.Grants.Missing) > 0 {
			fmt.Fprintf(&b, "To carry it out: dream %s %s%s --plan %s\n", p.Operation, p.ID, option(" --grant ", given), p.Hash)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func option(name, value string) string {
	if value == "" {
		return ""
	}
	return name + value
}

func missingWords(g catalog.PlanGrants) []string {
	var words []string
	for _, m := range g.Missing {
		words = append(words, string(m))
	}
	return words
}

// verdictText is what stands in the way, if anything does.
func verdictText(p catalog.Plan) string {
	switch p.Verdict {
	case catalog.PlanAllowed:
		return "allowed"
	case catalog.PlanRefused:
		return "refused (" + string(p.Code) + ")\n" + indentAll(p.Text)
	}
	return "could not be decided (" + string(p.Code) + ")\n" + indentAll(p.Text)
}

func indentAll(s string) string { return "  " + indentMore(s) }

// changeText is one change, as a diff has it: where, by whom, and the value before and after in YAML.
func changeText(c catalog.PlanChange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "@@ %s @@ %s\n", printable.Line(c.Path), printable.Line(c.Plugin))
	for _, side := range []struct {
		sign  string
		value any
	}{{"-", c.Before}, {"+", c.After}} {
		if side.value == nil {
			continue
		}
		for _, line := range yamlLines(side.value) {
			fmt.Fprintf(&b, "%s%s\n", side.sign, line)
		}
	}
	return b.String()
}

// yamlLines is a value in YAML.
func yamlLines(v any) []string {
	data, err := yaml.Marshal(v)
	if err != nil {
		return []string{fmt.Sprint(v)}
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// section is a headed list, or nothing when it is empty.
func section(b *strings.Builder, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", head)
	for _, line := range lines {
		fmt.Fprintf(b, "%s\n", indentAll(line))
	}
}

// decisionLines are what each plugin has said, but for what it has left alone.
func decisionLines(decisions []catalog.PlanDecision) []string {
	var lines []string
	for _, d := range decisions {
		line := fmt.Sprintf("%s %s (%s, %s)", d.Plugin, d.Outcome, d.Hook, d.Mode)
		lines = append(lines, line+option(": ", d.Message))
	}
	return lines
}

func portLines(ports []catalog.PlanPort) []string {
	var lines []string
	for _, p := range ports {
		lines = append(lines, fmt.Sprintf("%s:%s → %s %d/%s", cmp.Or(p.HostIP, "0.0.0.0"), cmp.Or(p.Published, "a free port"), p.Service, p.Target, p.Protocol))
	}
	return lines
}

func grantLines(g catalog.PlanGrants) []string {
	var lines []string
	for _, needed := range g.Needed {
		state := "given"
		if slices.Contains(g.Missing, needed) {
			state = "not given"
		}
		lines = append(lines, fmt.Sprintf("%s (%s): it may %s", needed, state, manifest.Grant.Meaning(needed)))
	}
	return lines
}

func imageLines(images []catalog.PlanImage) []string {
	states := map[string]string{"present": "is here", "pull": "is to be pulled, how much is not known before", "build": "is to be built", "unknown": "is not known to be here"}
	var lines []string
	for _, i := range images {
		lines = append(lines, fmt.Sprintf("%s %s", i.Image, cmp.Or(states[i.State], i.State)))
	}
	return lines
}

func serviceLines(services []catalog.PlanService) []string {
	states := map[string]string{
		"create": "is created", "recreate": "is made anew", "start": "is started", "keep": "runs on as it is", "remove": "is removed", "unknown": "is not known to be the same",
	}
	var lines []string
	for _, s := range services {
		lines = append(lines, fmt.Sprintf("%s %s", s.Service, cmp.Or(states[s.Action], s.Action)))
	}
	return lines
}

// comparisonText is what another config would do to each extension; without one, what each would come to.
func comparisonText(plans []agent.PlanComparison, with string) string {
	if len(plans) == 0 {
		return "Nothing is installed or enabled: there is nothing to plan."
	}
	words := map[agent.PlanOutcome]string{
		agent.PlanBreaks: "is allowed now, and would be refused", agent.PlanMends: "is refused now, and would be allowed",
		agent.PlanChanges: "would run as something else", agent.PlanStays: "would stay as it is", agent.PlanStaysNo: "is refused, and would be",
	}
	if with == "" {
		words[agent.PlanStays], words[agent.PlanStaysNo] = "is allowed", "is refused"
	}
	var b strings.Builder
	counts := map[agent.PlanOutcome]int{}
	for _, p := range plans {
		counts[p.Outcome]++
		what := cmp.Or(words[p.Outcome], string(p.Outcome))
		if p.With.Verdict == catalog.PlanFailed {
			what = "could not be decided"
		}
		fmt.Fprintf(&b, "%s %s\n", p.ID, what)
		if p.With.Text != "" {
			fmt.Fprintf(&b, "%s\n", indentAll(p.With.Text))
		}
		if p.Outcome == agent.PlanChanges {
			for _, c := range between(p.Now, p.With) {
				fmt.Fprintf(&b, "%s\n", indentAll(changeText(c)))
			}
		}
	}
	var sums []string
	for _, outcome := range slices.Sorted(maps.Keys(counts)) {
		sums = append(sums, fmt.Sprintf("%d %s", counts[outcome], outcome))
	}
	fmt.Fprintf(&b, "%d in all: %s", len(plans), strings.Join(sums, ", "))
	return b.String()
}

// between is what would run as something else, and who makes the difference: who changes it under the other config, or does
// so no more.
func between(now, with catalog.Plan) []catalog.PlanChange {
	who := func(path string, diff []catalog.PlanChange) string {
		plugin := ""
		for _, c := range diff { // the last one's word counts
			if c.Path == path || strings.HasPrefix(path, c.Path+".") || strings.HasPrefix(c.Path, path+".") {
				plugin = c.Plugin
			}
		}
		return plugin
	}
	changes := policy.Diff("", now.Effective, with.Effective)
	for i, c := range changes {
		changes[i].Plugin = who(c.Path, with.Diff)
		if was := who(c.Path, now.Diff); changes[i].Plugin == "" && was != "" {
			changes[i].Plugin = was + ", no more"
		}
	}
	return changes
}
