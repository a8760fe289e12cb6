package audit

import (
	"net/url"
	"slices"
	"strings"
)

// sarif is the part of SARIF 2.1.0 that annotations need.
type sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	Help    sarifText `json:"help"`
	Default struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

// SARIF is the report as a document for services that annotate changes, of the tool's version. It has to be encoded
// as JSON.
func (r *Report) SARIF(version string) any {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "dream audit", Version: version}
	for _, rule := range Rules {
		s := sarifRule{ID: rule.Code, Short: sarifText{rule.When}, Help: sarifText{rule.Fix}}
		s.Default.Level = string(rule.Severity)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, s)
	}
	for _, i := range r.Issues() {
		result := sarifResult{
			RuleID: i.Code, RuleIndex: slices.IndexFunc(Rules, func(rule Rule) bool { return rule.Code == i.Code }),
			Level: string(i.Severity), Message: sarifText{i.Message + ": " + i.Fix},
		}
		if i.Path != "" {
			var at sarifLocation
			at.Physical.Artifact.URI = uri(string(i.Path))
			at.Physical.Region = &sarifRegion{max(i.Line, 1)} // annotations need a line; of a whole file it is the first
			result.Locations = []sarifLocation{at}
		}
		run.Results = append(run.Results, result)
	}
	return sarif{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

// uri is a path as a relative reference, or a file URI where it is absolute.
func uri(path string) string {
	u := url.URL{Path: path}
	if strings.HasPrefix(path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
