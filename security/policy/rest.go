package policy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// RESTPlugin is the name by which dstack knows a plugin that is a server.
const RESTPlugin = "rest_plugin"

// URIVariable is where dstack's rest_plugin looks for its server.
const URIVariable = "DSTACK_PLUGIN_SERVICE_URI"

// server is a plugin that is asked over HTTP, with dstack's paths and envelope:
// POST {base}/apply_policies/on_run_apply, {user, project, spec} → {spec, error}.
type server struct {
	info   Info
	base   string
	http   *http.Client
	bearer string // Authorization: Bearer; empty sends none
	sign   string // key of X-Dream-Signature; empty signs nothing
	now    func() time.Time
}

// newServer is the plugin behind a URL: http://host:port/path, or unix:///path/of/socket.
func newServer(c PluginConfig, address string, credentials Credentials) (*server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("url %q cannot be read", address)
	}
	transport := &http.Transport{IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 2}
	base := strings.TrimSuffix(address, "/")
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" || u.User != nil {
			return nil, fmt.Errorf("url %q: write http://host:port, without a user", u.Redacted())
		}
	case "unix":
		socket := u.Path
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
		base = "http://plugin"
	default:
		return nil, fmt.Errorf("url %q: write http://, https:// or unix://", u.Redacted())
	}
	hooks := c.Hooks
	if len(hooks) == 0 {
		hooks = Hooks()
	}
	// A redirect could send the request, and the key, to somebody else.
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &server{
		info: Info{Name: c.Name, Transport: "http", Hooks: hooks}, base: base, http: &http.Client{Transport: transport, CheckRedirect: noRedirect},
		bearer: credentials.Bearer, sign: credentials.Sign, now: time.Now,
	}, nil
}

// Info tells what the server is.
func (s *server) Info() Info { return s.info }

// path is dstack's name of the hook.
func path(h Hook) string {
	if h == OnService {
		h = onRun
	}
	return "/apply_policies/" + string(h)
}

// Apply asks the server. What dstack loses is kept: a rejection without a spec, and the reason in a reply that is not 200.
func (s *server) Apply(ctx context.Context, q Request) (Response, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return Response{}, err
	}
	status, data, err := s.post(ctx, q.Hook, body)
	switch {
	case err != nil:
		return Response{}, err
	case status == http.StatusOK:
		return ReadAnswer(data, false)
	case status == http.StatusBadRequest || status == http.StatusForbidden:
		if reason := reasonIn(data); reason != "" {
			return Response{Error: reason}, nil
		}
	}
	return Response{}, errStatus(status, data)
}

// Ask is [Wire]: the body of an answer that is 200.
func (s *server) Ask(ctx context.Context, hook string, question io.Reader) ([]byte, error) {
	body, err := io.ReadAll(question)
	if err != nil {
		return nil, err
	}
	status, data, err := s.post(ctx, Hook(hook), body)
	if err == nil && status != http.StatusOK {
		err = errStatus(status, data)
	}
	return data, err
}

func errStatus(status int, data []byte) error {
	return fmt.Errorf("its server answers %d %s: %s", status, http.StatusText(status), shortly(data))
}

// post sends a question, and returns the status and the body of the reply.
func (s *server) post(ctx context.Context, hook Hook, body []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path(hook), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	if s.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+s.bearer)
	}
	if s.sign != "" {
		at := strconv.FormatInt(s.now().Unix(), 10)
		mac := hmac.New(sha256.New, []byte(s.sign))
		mac.Write([]byte(at + "."))
		mac.Write(body)
		r.Header.Set("X-Dream-Timestamp", at)
		r.Header.Set("X-Dream-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	resp, err := s.http.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("its server cannot be asked: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("its server stops in the middle of the answer: %w", err)
	case len(data) > maxAnswer:
		return 0, nil, fmt.Errorf("its server answers with more than %d MiB", maxAnswer>>20)
	}
	return resp.StatusCode, data, nil
}

// reasonIn is the reason of a refusal as servers write it: error, or detail as FastAPI has it.
func reasonIn(data []byte) string {
	var reply struct {
		Error  any `json:"error"`
		Detail any `json:"detail"`
	}
	if json.Unmarshal(data, &reply) != nil {
		return ""
	}
	for _, v := range []any{reply.Error, reply.Detail} {
		if text, ok := v.(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// shortly is the beginning of a reply, on one line.
func shortly(data []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(data[:min(len(data), 300)]), "?")), " ")
	if text == "" {
		return "an empty reply"
	}
	return text
}

// withoutURL drops what net/http puts before the cause: the URL may have a key in it.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
