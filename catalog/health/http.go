package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"
)

const (
	maxHeader    = 16 << 10               // bytes of the answer's header
	maxBody      = 4 << 10                // bytes of the body that are read, and thrown away
	maxRedirects = 5                      // on the way to one answer
	drainTime    = 200 * time.Millisecond // for the body
)

var (
	errCircle = errors.New("redirects in a circle")
	errMany   = fmt.Errorf("redirects more than %d times", maxRedirects)
	errScheme = errors.New("redirects to what is neither http nor https")
)

// newTransport speaks HTTP/1.1 over a connection for each request, as a connection that was kept would hide that
// nobody listens any more. It takes no proxy from the environment: services are here.
func newTransport() *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		DialContext:            (&net.Dialer{KeepAlive: -1}).DialContext, // IPv4 and IPv6, whichever answers first
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         maxBody,
		WriteBufferSize:        1 << 10,
		Protocols:              &http1,
	}
}

func newClient(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// checkRedirect follows a service to other paths of its own. A redirect to another host (a sign-in, https) is the
// answer: the service works, and where it points is no business of ours.
func checkRedirect(next *http.Request, via []*http.Request) error {
	switch {
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return errScheme
	case next.URL.Host != via[0].URL.Host || next.URL.Scheme != "http":
		return http.ErrUseLastResponse
	case slices.ContainsFunc(via, func(r *http.Request) bool { return *r.URL == *next.URL }):
		return errCircle
	case len(via) > maxRedirects:
		return errMany
	}
	return nil
}

// askHTTP probes the target's URL once. It ends when the target's time is over, or ctx.
func askHTTP(ctx context.Context, client *http.Client, t Target) Result {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return Result{Outcome: Unable, Words: "its address is no URL"}
	}
	req.Header.Set("User-Agent", "dream-health")
	started := time.Now()
	resp, err := client.Do(req)
	took := time.Since(started)
	if err != nil {
		return failed(ctx, err, req.URL, t.Timeout)
	}
	defer resp.Body.Close()
	drain(resp.Body, cancel)
	return answered(resp.StatusCode, resp.Request.URL, took)
}

// drain reads the beginning of the body, so that a service that has a short one to send does not see the connection
// cut. One that sends without end or drop by drop is cut.
func drain(body io.Reader, cancel context.CancelFunc) {
	timer := time.AfterFunc(drainTime, cancel)
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, body, maxBody) // only the header counts
}

// answered judges the status code. 401 and 403 are answers of a service that works: we bring no key, and it says so.
func answered(code int, u *url.URL, took time.Duration) Result {
	r := Result{Outcome: Answered, Took: took}
	switch {
	case code < 400 || code == http.StatusUnauthorized || code == http.StatusForbidden:
		return r
	case code < 500:
		r.Outcome = ClientError
	default:
		r.Outcome = ServerError
	}
	r.Words = fmt.Sprintf("answers %d at %s", code, u.EscapedPath())
	return r
}

// failed puts into words why no answer came. What the service sent is not repeated.
func failed(ctx context.Context, err error, u *url.URL, timeout time.Duration) Result {
	var dns *net.DNSError
	var op *net.OpError
	var network net.Error
	at := u.Host
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.As(err, &network) && network.Timeout() && !errors.As(err, &dns):
		return Result{Outcome: TimedOut, Words: "no answer within " + seconds(timeout)}
	case errors.As(err, &dns) && dns.IsNotFound:
		return Result{Outcome: NoName, Words: "the name " + u.Hostname() + " is not known: no container of it runs"}
	case errors.As(err, &dns):
		return Result{Outcome: Unreachable, Words: "the name " + u.Hostname() + " cannot be looked up: the name server does not answer"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return Result{Outcome: Refused, Words: "connection refused at " + at}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTDOWN):
		return Result{Outcome: Unreachable, Words: "no way leads to " + at}
	case errors.Is(err, errCircle), errors.Is(err, errMany), errors.Is(err, errScheme):
		return Result{Outcome: Garbled, Words: errors.Unwrap(err).Error() + ", starting at " + u.EscapedPath()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Result{Outcome: Garbled, Words: "the connection was closed without an answer at " + at}
	case errors.As(err, &op) && op.Op == "dial":
		return Result{Outcome: Unable, Words: "no connection can be made" + clause(op.Err.Error())}
	}
	return Result{Outcome: Garbled, Words: "what answers at " + at + " does not speak HTTP as it should"}
}
