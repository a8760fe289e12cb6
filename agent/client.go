package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

const (
	dialTimeout  = 2 * time.Second
	pingTimeout  = 3 * time.Second
	startTimeout = 11 * time.Minute // a little more than the agent's own limit
	stopTimeout  = 3 * time.Minute
	readTimeout  = 30 * time.Second
)

// Client asks the host agent. Its errors are problem errors; problem.AgentAway tells that the agent was not
// reached. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	base    string
	where   string // for people: the socket's path or the address
	key     config.Secret
	version string
	actor   string // who asks where the context does not say
}

// NewClient connects over the Unix socket, or over TCP when the settings name a host. Nothing is dialled yet.
func NewClient(s config.Settings, version string) *Client {
	c := &Client{key: s.AgentKey, version: version, base: "http://agent", where: s.AgentSocket}
	dialer := &net.Dialer{Timeout: dialTimeout}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", s.AgentSocket)
	}
	if s.AgentHost != "" {
		c.where = net.JoinHostPort(s.AgentHost, strconv.Itoa(s.AgentPort))
		c.base = "http://" + c.where
		dial = dialer.DialContext
	}
	c.http = &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}}
	return c
}

// ActingAs is the same client with a name for the audit log, for calls whose context has no [catalog.Actor].
func (c *Client) ActingAs(actor string) *Client {
	other := *c
	other.actor = actor
	return &other
}

// onSocket reports whether the agent is reached over its Unix socket, and not over TCP.
func (c *Client) onSocket() bool { return c.base == "http://agent" }

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Ping asks whether the agent is there, takes our key, and can reach Docker.
func (c *Client) Ping(ctx context.Context) (catalog.AgentStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var h Health
	if err := c.call(ctx, http.MethodGet, "/health", nil, &h, asked); err != nil {
		return catalog.AgentStatus{}, err
	}
	s := catalog.AgentStatus{Available: true, Version: h.Version, Docker: h.Docker, Policies: h.Policies}
	if h.Version != c.version {
		s.Mismatch = fmt.Sprintf("the host agent is %s, this program is %s: run `make run` to update both", h.Version, c.version)
	}
	return s, nil
}

// Check judges an extension as the next start would.
func (c *Client) Check(ctx context.Context, id string, library bool) (catalog.Verdict, error) {
	var v catalog.Verdict
	return v, c.change(ctx, readTimeout, "/v1/extension/check", Request{ServiceID: id, Library: library}, &v)
}

// Start brings up the extension's services. on, which may be nil, is told how far it is.
func (c *Client) Start(ctx context.Context, id string, with catalog.Starting, on func(operation.Progress)) (catalog.Report, error) {
	return c.start(ctx, "start", Request{ServiceID: id, Grants: with.Grants, Plan: with.Plan, Progress: on != nil}, on)
}

// Restart stops the extension's services and brings them up again.
func (c *Client) Restart(ctx context.Context, id string, on func(operation.Progress)) (catalog.Report, error) {
	return c.start(ctx, "restart", Request{ServiceID: id, Progress: on != nil}, on)
}

func (c *Client) start(ctx context.Context, verb string, req Request, on func(operation.Progress)) (catalog.Report, error) {
	none := catalog.Report{ID: req.ServiceID}
	if _, err := c.Ping(ctx); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	resp, err := c.send(ctx, http.MethodPost, "/v1/extension/"+verb, req, changing)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	done, err := readChange(resp.Body, on)
	if err != nil || done.Report == nil {
		return none, err
	}
	return *done.Report, nil
}

// Stop stops the extension's containers.
func (c *Client) Stop(ctx context.Context, id string) error {
	return c.change(ctx, stopTimeout, "/v1/extension/stop", Request{ServiceID: id}, &Done{})
}

// Remove removes the containers of an extension that is disabled or gone.
func (c *Client) Remove(ctx context.Context, id string) error {
	return c.change(ctx, stopTimeout, "/v1/extension/remove", Request{ServiceID: id}, &Done{})
}

// SetBuiltin renames a built-in extension's compose file.
func (c *Client) SetBuiltin(ctx context.Context, id string, enabled bool) error {
	verb := "disable"
	if enabled {
		verb = "enable"
	}
	return c.change(ctx, readTimeout, "/v1/extension/"+verb, Request{ServiceID: id}, &Done{})
}

// Config is how an extension is configured.
func (c *Client) Config(ctx context.Context, id string) (catalog.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var config catalog.Config
	return config, c.call(ctx, http.MethodGet, "/v1/extension/"+url.PathEscape(id)+"/env", nil, &config, asked)
}

// Configure changes it.
func (c *Client) Configure(ctx context.Context, id string, change catalog.ConfigChange) (catalog.ConfigResult, error) {
	if _, err := c.Ping(ctx); err != nil {
		return catalog.ConfigResult{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var result catalog.ConfigResult
	return result, c.call(ctx, http.MethodPut, "/v1/extension/"+url.PathEscape(id)+"/env", change, &result, changing)
}

// Logs is the end of the extension's log.
func (c *Client) Logs(ctx context.Context, id string, tail int) (catalog.Logs, error) {
	if _, err := c.Ping(ctx); err != nil {
		return catalog.Logs{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var l catalog.Logs
	return l, c.call(ctx, http.MethodPost, "/v1/extension/logs", Request{ServiceID: id, Tail: tail}, &l, asked)
}

// silence is how long a stream may say nothing: two heartbeats did not come.
const silence = 2*heartbeat + 5*time.Second

// FollowLogs are the lines of the extension's log that q asks for. An error of the sequence is its last element: when
// ctx ends, Docker goes away, or the agent does, which is problem.Unavailable.
func (c *Client) FollowLogs(ctx context.Context, id string, q compose.LogQuery) (iter.Seq2[compose.LogLine, error], error) {
	if _, err := c.Ping(ctx); err != nil {
		return nil, err
	}
	req := Request{ServiceID: id, Tail: q.Tail, Follow: q.Follow}
	if !q.Since.IsZero() {
		req.Since = &q.Since
	}
	ctx, cancel := context.WithCancel(ctx)
	resp, err := c.send(ctx, http.MethodPost, "/v1/extension/logs/follow", req, asked) //nolint:bodyclose // the sequence closes it
	if err != nil {
		cancel()
		return nil, err
	}
	return func(yield func(compose.LogLine, error) bool) {
		defer cancel()
		defer resp.Body.Close()
		patience := time.AfterFunc(silence, cancel)
		defer patience.Stop()
		err := readStream(resp.Body, func(event string, data []byte) error {
			patience.Reset(silence)
			switch event {
			case "end":
				return errEnded
			case "log":
				var l compose.LogLine
				if err := json.Unmarshal(data, &l); err != nil {
					return fmt.Errorf("host agent: event: %w", err)
				}
				if !yield(l, nil) {
					return errLeft
				}
			}
			return nil
		})
		var said *problem.Error
		switch {
		case errors.Is(err, errEnded), errors.Is(err, errLeft):
		case errors.As(err, &said):
			yield(compose.LogLine{}, err)
		default:
			yield(compose.LogLine{}, problem.Newf(problem.Unavailable, "the host agent went away while the log was followed: "+
				"follow it again when the agent is back, which `dream status` tells"))
		}
	}, nil
}

// How a stream that was read ended well.
var (
	errEnded = errors.New("there is no more")
	errLeft  = errors.New("nobody wants more")
)

// Containers is what Docker says about the project.
func (c *Client) Containers(ctx context.Context) (catalog.State, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var s catalog.State
	return s, c.call(ctx, http.MethodGet, "/v1/containers", nil, &s, asked)
}

// Host is the machine's facts.
func (c *Client) Host(ctx context.Context) (catalog.HostFacts, error) { return c.host(ctx, "/v1/host") }

// Machine is what of them needs no Docker. An agent that is older tells all.
func (c *Client) Machine(ctx context.Context) (catalog.HostFacts, error) {
	return c.host(ctx, "/v1/host?without=docker")
}

func (c *Client) host(ctx context.Context, path string) (catalog.HostFacts, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var h catalog.HostFacts
	return h, c.call(ctx, http.MethodGet, path, nil, &h, asked)
}

// Stack is the list of files as the agent resolves it now.
func (c *Client) Stack(ctx context.Context) (StackInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var s StackInfo
	return s, c.call(ctx, http.MethodGet, "/v1/stack", nil, &s, asked)
}

// Audit reads the newest entries of the audit log, newest first.
func (c *Client) Audit(ctx context.Context, limit int) ([]catalog.AuditEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var page AuditPage
	err := c.call(ctx, http.MethodGet, "/v1/audit?limit="+strconv.Itoa(limit), nil, &page, asked)
	return page.Entries, err
}

// Down stops and removes all containers and the network of the project.
func (c *Client) Down(ctx context.Context) error {
	return c.change(ctx, stopTimeout, "/v1/stack/down", struct{}{}, &Done{})
}

// Up starts core services and extensions, all enabled ones when none is named. One that fails does not keep the
// others from starting; the report names it. on is called for every progress line.
func (c *Client) Up(ctx context.Context, services []string, wait bool, on func(service string, e compose.Event)) (StackReport, error) {
	if _, err := c.Ping(ctx); err != nil {
		return StackReport{}, err
	}
	resp, err := c.send(ctx, http.MethodPost, "/v1/stack/up", UpRequest{Services: services, Wait: wait}, changing)
	if err != nil {
		return StackReport{}, err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var m UpMessage
		if err := dec.Decode(&m); err != nil {
			return StackReport{}, unknownOutcome(err)
		}
		switch {
		case m.Report != nil:
			return *m.Report, nil
		case m.Event != nil && on != nil:
			on(m.Service, *m.Event)
		}
	}
}

// Follow calls on as soon as events are heard, and after each, until ctx ends or the agent goes away: who asks for the
// containers then misses nothing.
func (c *Client) Follow(ctx context.Context, on func()) error {
	return c.events(ctx, on, func(compose.Change) { on() })
}

// Events calls on for what happens to the project's containers until ctx ends or the agent goes away.
func (c *Client) Events(ctx context.Context, on func(compose.Change)) error {
	return c.events(ctx, func() {}, on)
}

// events calls stands when the agent says hello.
func (c *Client) events(ctx context.Context, stands func(), on func(compose.Change)) error {
	resp, err := c.send(ctx, http.MethodGet, "/v1/events", nil, asked)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return readEvents(resp.Body, stands, on)
}
