package agent

import (
	"context"
	"net/http"
	"time"

	"dreamserver/catalog"
)

// planTimeout is how long a plan may take: policies have 20 seconds for each extension that takes part.
const (
	planTimeout    = time.Minute
	planAllTimeout = 10 * time.Minute
)

// Plan is what a start of the extension would come to.
func (c *Client) Plan(ctx context.Context, req catalog.PlanRequest) (catalog.Plan, error) {
	if _, err := c.Ping(ctx); err != nil {
		return catalog.Plan{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	var p catalog.Plan
	return p, c.olderAgent(c.call(ctx, http.MethodPost, planPath, req, &p, asked))
}

// PlanAll is what each extension that is installed or enabled would come to, under another config of policies where with
// names one.
func (c *Client) PlanAll(ctx context.Context, with string) ([]PlanComparison, error) {
	if _, err := c.Ping(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, planAllTimeout)
	defer cancel()
	var reply PlanAllReply
	return reply.Plans, c.olderAgent(c.call(ctx, http.MethodPost, "/v1/stack/plan", PlanAllRequest{With: with}, &reply, asked))
}
