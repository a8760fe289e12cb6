package agent

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/internal/problem"
)

// machineTimeout bounds what is asked about the machine: the agent's own limits are shorter.
const machineTimeout = 8 * time.Second

// Stats is what the project's containers use.
func (c *Client) Stats(ctx context.Context) (catalog.Stats, error) {
	var s catalog.Stats
	return s, c.ask(ctx, http.MethodGet, "/v1/stats", nil, &s)
}

// Storage is how much the data directory holds. It does not wait for a count.
func (c *Client) Storage(ctx context.Context) (catalog.Storage, error) {
	var s catalog.Storage
	return s, c.ask(ctx, http.MethodGet, "/v1/storage", nil, &s)
}

// Unit is what systemd says of the extension's program of the host. It is a [health.Host].
func (c *Client) Unit(ctx context.Context, id string) (health.Unit, error) {
	var u health.Unit
	return u, c.ask(ctx, http.MethodGet, "/v1/extension/"+url.PathEscape(id)+"/unit", nil, &u)
}

// Ports says which of the ports are taken on the host, and by whom.
func (c *Client) Ports(ctx context.Context, ports []int) (catalog.PortUses, error) {
	var uses catalog.PortUses
	return uses, c.ask(ctx, http.MethodPost, "/v1/ports", PortsRequest{Ports: ports}, &uses)
}

// ask asks what an agent that is older does not know, and then says that it is.
func (c *Client) ask(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	return c.olderAgent(c.call(ctx, method, path, in, out, asked))
}

// olderAgent says what to do about an agent that does not know what it is asked.
func (c *Client) olderAgent(err error) error {
	if problem.HasCode(err, problem.NotFound) && strings.HasPrefix(problem.As(err).Detail, noSuchPath) {
		return problem.Newf(problem.Unavailable, "the host agent at %s is older than this program and cannot tell this: run `make run`, which updates both", c.where)
	}
	return err
}
