package agent

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

// change sends a verb that changes something. The agent is pinged first: one that accepts connections and does
// not answer is found within seconds, and not after the time that a start may take.
func (c *Client) change(ctx context.Context, limit time.Duration, path string, in, out any) error {
	if _, err := c.Ping(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.call(ctx, http.MethodPost, path, in, out, changing)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any, why purpose) error {
	resp, err := c.send(ctx, method, path, in, why)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		if why == changing {
			return unknownOutcome(err)
		}
		return c.away(err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, in any, why purpose) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("host agent: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("host agent: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(versionHeader, c.version)
	if actor := cleanActor(cmp.Or(catalog.Actor(ctx), c.actor)); actor != "" {
		req.Header.Set(actorHeader, actor)
	}
	if id := catalog.RequestID(ctx); id != "" {
		req.Header.Set(requestHeader, cleanActor(id))
	}
	if kind := catalog.ChangeOf(ctx); kind != "" {
		req.Header.Set(changeHeader, string(kind))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		reached := !errors.As(err, &op) || op.Op != "dial"
		if why == changing && reached {
			return nil, unknownOutcome(err)
		}
		return nil, c.away(err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	err = problem.Read(resp)
	if problem.HasCode(err, problem.Unauthorized) || problem.HasCode(err, problem.Forbidden) && problem.As(err).Detail == wrongKey {
		return nil, problem.Newf(problem.AgentUnauthorized,
			"the host agent at %s rejects our key: DREAM_AGENT_KEY must be the same on both sides; after a change of .env run `make run`", c.where)
	}
	return nil, err
}

// readChange reads the reply of a change: one document, or lines of progress and what came of it.
func readChange(r io.Reader, on func(operation.Progress)) (Done, error) {
	dec := json.NewDecoder(r)
	for {
		var m struct {
			ChangeMessage
			Done `json:",inline"` // an agent that knows no lines
		}
		if err := dec.Decode(&m); err != nil {
			return Done{}, unknownOutcome(err)
		}
		switch {
		case m.Progress != nil:
			if on != nil {
				on(*m.Progress)
			}
		case m.Problem != nil:
			return Done{}, m.Problem.Refusal()
		case m.ChangeMessage.Done != nil:
			return *m.ChangeMessage.Done, nil
		default:
			return m.Done, nil
		}
	}
}
