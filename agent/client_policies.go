package agent

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dreamserver/catalog"
	"dreamserver/security/policy/decisions"
)

// PolicyStatus is which policies are loaded.
func (c *Client) PolicyStatus(ctx context.Context) (catalog.PolicyStatus, error) {
	var s catalog.PolicyStatus
	return s, c.ask(ctx, http.MethodGet, "/v1/policy/status", nil, &s)
}

// PolicyAudit reads the log of decisions.
func (c *Client) PolicyAudit(ctx context.Context, f decisions.Filter) (catalog.PolicyAudit, error) {
	q := url.Values{}
	for key, value := range map[string]string{"extension": f.Extension, "outcome": f.Outcome} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	var page catalog.PolicyAudit
	return page, c.ask(ctx, http.MethodGet, "/v1/policy/audit?"+q.Encode(), nil, &page)
}

// Drift is the last comparison of what runs with what was approved.
func (c *Client) Drift(ctx context.Context) (catalog.Drift, error) {
	var r catalog.Drift
	return r, c.ask(ctx, http.MethodGet, "/v1/policy/drift", nil, &r)
}

// ScanDrift compares now.
func (c *Client) ScanDrift(ctx context.Context) (catalog.Drift, error) {
	ctx, cancel := context.WithTimeout(ctx, driftLimit+5*time.Second)
	defer cancel()
	var r catalog.Drift
	return r, c.olderAgent(c.call(ctx, http.MethodPost, "/v1/policy/drift", nil, &r, asked))
}
