package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"dreamserver/internal/problem"
)

// PlanHash is what a plan was made of, in three parts, so that who compares two can tell what differs without the plan. It
// says what would run, wherever the files lie, and nothing of when it was asked.
type PlanHash struct {
	Inputs   string // the files that take part
	Policies string // the config of policies, and the digests of plugins
	Model    string // what would be approved, secrets left out, and the images that are here for it
}

// PlanPart is the length of each part of a hash: how much of each SHA-256 is kept, in hexadecimal digits.
const PlanPart = 32

var planHash = regexp.MustCompile(fmt.Sprintf(`\A[0-9a-f]{%[1]d}-[0-9a-f]{%[1]d}-[0-9a-f]{%[1]d}\z`, PlanPart))

// NewPlanHash is the hash of these three, which are compared as JSON.
func NewPlanHash(inputs map[string]string, policies string, model any) (PlanHash, error) {
	var h PlanHash
	for _, part := range []struct {
		into *string
		of   any
	}{{&h.Inputs, inputs}, {&h.Policies, policies}, {&h.Model, model}} {
		data, err := json.Marshal(part.of) // keys of mappings are sorted
		if err != nil {
			return h, fmt.Errorf("hash of a plan: %w", err)
		}
		sum := sha256.Sum256(data)
		*part.into = hex.EncodeToString(sum[:])[:PlanPart]
	}
	return h, nil
}

// CheckPlanHash refuses what is no hash of a plan.
func CheckPlanHash(text string) error {
	if planHash.MatchString(text) {
		return nil
	}
	return problem.Newf(problem.InvalidParameter, "plan_hash %.120q is no hash of a plan: a plan has it as plan_hash, three times %d hexadecimal digits with - between them", text, PlanPart)
}

func (h PlanHash) String() string { return h.Inputs + "-" + h.Policies + "-" + h.Model }

// Changed is the refusal of a change that was asked for with the hash of a plan which is not this one; nil when it is.
func (h PlanHash) Changed(id, planned string) error {
	if h.String() == planned {
		return nil
	}
	parts := strings.Split(planned, "-")
	if len(parts) != 3 {
		return CheckPlanHash(planned)
	}
	var words []string
	var items []problem.Item
	for i, part := range []struct{ path, now, what string }{
		{"inputs", h.Inputs, "the files"}, {"policies", h.Policies, "the policies"}, {"effective", h.Model, "what would run"},
	} {
		if parts[i] != part.now {
			words = append(words, part.what)
			items = append(items, problem.Item{Rule: "plan-changed", Severity: "error", Path: part.path, Message: part.what + " differ from the plan"})
		}
	}
	items = append(items, problem.Item{Rule: "plan-hash", Severity: "note", Path: "plan_hash", Message: h.String(), Fix: "look at the plan again, and take this hash if it is what you want"})
	return problem.Newf(problem.PlanChanged, "extension %q is not what was planned any more: %s changed since; nothing was started. Look at the plan again (`dream plan %s`): its hash is %s now",
		id, strings.Join(words, ", "), id, h).With(items...)
}
