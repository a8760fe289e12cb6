package security

import (
	"slices"

	"dreamserver/manifest"
)

// Best and worst rating.
const (
	BestRating  = 8
	WorstRating = 1
)

// Deduction is what a fact about an extension costs.
type Deduction struct {
	Rule    string // of the finding that shows the fact
	Points  int
	Meaning string
}

// Deductions is how an extension is rated: it begins with [BestRating] and loses points once for each fact, however
// many services have it, but never falls below [WorstRating]. A refused extension has the worst.
var Deductions = []Deduction{
	{"image-latest", 2, "an image without a version"},
	{"image-digest", 1, "an image without a digest"},
	{"no-healthcheck", 1, "a service without a healthcheck"},
	{"no-limits", 1, "a service without a memory limit"},
	{"new-privileges", 1, "a service without no-new-privileges"},
	{grantRule + string(manifest.GPU), 1, "uses the GPU"},
	{grantRule + string(manifest.Build), 1, "builds an image on this machine"},
	{grantRule + string(manifest.HostGateway), 1, "reaches programs on this machine"},
	{grantRule + string(manifest.LANBind), 2, "is reachable from the network"},
}

// Rate is the rating that the findings give, from 1 to 8.
func Rate(findings []Finding) int {
	rating := BestRating
	for _, d := range Deductions {
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == d.Rule }) {
			rating -= d.Points
		}
	}
	if rating < WorstRating || len(Errors(findings)) > 0 {
		return WorstRating
	}
	return rating
}
