package catalog

import (
	"dreamserver/internal/chainlog"
	"dreamserver/security/drift"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

// PolicyStatus is which policies the host agent has loaded.
type PolicyStatus struct {
	policy.Inventory
	Counts PolicyCounts `json:"counts"`
	// Head is the end of the log of decisions: who notes it elsewhere sees later whether the log was cut.
	Head *chainlog.Head `json:"head,omitempty"`
}

// PolicyCounts are how many there are.
type PolicyCounts struct {
	Plugins    int `json:"plugins"`
	Rules      int `json:"rules"`
	Exceptions int `json:"exceptions"`
	// Decisions are the evaluations of starts since the agent was started, by outcome.
	Decisions map[string]int `json:"decisions"`
	// Drift is what the last comparison of what runs with what was approved has found; absent before the first.
	Drift *int `json:"drift,omitempty"`
}

// PolicyAudit is a page of the log of decisions.
type PolicyAudit struct {
	Entries []decisions.Record `json:"entries"` // the newest first
	Head    *chainlog.Head     `json:"head,omitempty"`
}

// Drift is what a comparison of what runs with what was approved came to.
type Drift = drift.Comparison
