package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"

	"dreamserver/internal/problem"
)

// codes are the constants of codes.go, read from the source so that none is forgotten.
func codes(t *testing.T) []problem.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []problem.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, problem.Code(text))
		}
		return true
	})
	if len(all) < 40 {
		t.Fatalf("found %d codes, want all", len(all))
	}
	return all
}

func TestEveryCodeHasStatusKindAndTitle(t *testing.T) {
	kinds := []error{
		errdefs.ErrInvalidArgument, errdefs.ErrUnauthenticated, errdefs.ErrPermissionDenied, errdefs.ErrNotFound,
		errdefs.ErrConflict, errdefs.ErrResourceExhausted, errdefs.ErrUnavailable, errdefs.ErrUnknown, errdefs.ErrInternal,
	}
	titles := map[string]problem.Code{}
	for _, c := range codes(t) {
		t.Run(string(c), func(t *testing.T) {
			if s := c.Status(); s < 400 || s > 599 || (s == http.StatusInternalServerError) != (c == problem.Internal) {
				t.Errorf("status %d, want 4xx or 5xx, and 500 for internal alone", s)
			}
			if other := titles[c.Title()]; c.Title() == "" || other != "" {
				t.Errorf("title %q is empty or also that of %q", c.Title(), other)
			}
			titles[c.Title()] = c
			var is int
			for _, kind := range kinds {
				if errors.Is(problem.Newf(c, "x"), kind) {
					is++
				}
			}
			if is != 1 {
				t.Errorf("is of %d kinds, want one", is)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	tests := map[problem.Code]int{
		problem.InvalidArgument: 400, problem.Unauthorized: 401, problem.CoreService: 403, problem.NotFound: 404, problem.AlreadyEnabled: 409,
		problem.BodyTooLarge: 413, problem.MissingConfig: 422, problem.StartFailed: 502, problem.AgentNoSocket: 503, problem.DiskFull: 507,
		"nobody_knows": 500,
	}
	for c, want := range tests {
		if got := c.Status(); got != want {
			t.Errorf("%s: status %d, want %d", c, got, want)
		}
	}
}

func TestWriteAndReadBack(t *testing.T) {
	for _, c := range codes(t) {
		t.Run(string(c), func(t *testing.T) {
			want := problem.Newf(c, "extension %q: oops", "web").With(
				problem.Item{Rule: "r", Severity: "error", Service: "web", Path: "services.web", File: "compose.yaml", Line: 3, Message: "m", Fix: "f"},
				problem.Item{Message: "bare"},
			)
			w := httptest.NewRecorder()
			problem.Write(w, fmt.Errorf("wrapped: %w", want))
			resp := w.Result()
			if resp.StatusCode != c.Status() || resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("answered %d %v", resp.StatusCode, resp.Header)
			}
			if got := resp.Header.Get("WWW-Authenticate"); (got == "Bearer") != (c == problem.Unauthorized) {
				t.Errorf("WWW-Authenticate is %q", got)
			}
			if diff := cmp.Diff(want, problem.Read(resp)); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrite_TheDocument(t *testing.T) {
	w := httptest.NewRecorder()
	problem.Write(w, problem.Newf(problem.AlreadyEnabled, "extension %q is already enabled", "web"))
	const want = `{"type":"about:blank","title":"Already enabled","status":409,"detail":"extension \"web\" is already enabled","code":"already_enabled"}` + "\n"
	if got := w.Body.String(); got != want {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
}

func TestWrite_ShowsNothingOfAnUnknownError(t *testing.T) {
	w := httptest.NewRecorder()
	problem.Write(w, errors.New("dial tcp 10.0.0.1: password hunter2"))
	var d problem.Document
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	want := problem.Document{Type: "about:blank", Title: "Internal error", Status: 500, Detail: "internal error", Code: problem.Internal}
	if diff := cmp.Diff(want, d); diff != "" || w.Code != 500 {
		t.Errorf("answered %d (-want +got):\n%s", w.Code, diff)
	}
}

func TestRead_RepliesThatAreNotOurs(t *testing.T) {
	tests := []struct {
		name, body string
		want       *problem.Error
	}{
		{"a proxy's page", "<html>bad gateway</html>", &problem.Error{Code: problem.Unavailable, Detail: "unexpected reply: HTTP 502 Bad Gateway"}},
		{"nothing", "", &problem.Error{Code: problem.Unavailable, Detail: "unexpected reply: HTTP 502 Bad Gateway"}},
		{"other JSON", `{"error":"x"}`, &problem.Error{Code: problem.Unavailable, Detail: "unexpected reply: HTTP 502 Bad Gateway"}},
		{"a list", `[]`, &problem.Error{Code: problem.Unavailable, Detail: "unexpected reply: HTTP 502 Bad Gateway"}},
		{
			"a code of a later version", `{"code":"on_fire","detail":"the disk burns","errors":[{"message":"m"}]}`,
			&problem.Error{Code: problem.Unavailable, Detail: "the disk burns (on_fire)", Items: []problem.Item{{Message: "m"}}},
		},
		{"more than a megabyte", `{"code":"conflict","detail":"` + strings.Repeat("x", 2<<20) + `"}`, &problem.Error{Code: problem.Unavailable, Detail: "unexpected reply: HTTP 502 Bad Gateway"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := &http.Response{Status: "502 Bad Gateway", StatusCode: http.StatusBadGateway, Body: io.NopCloser(strings.NewReader(tt.body))}
			if diff := cmp.Diff(tt.want, problem.Read(resp)); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAs(t *testing.T) {
	own := problem.Newf(problem.Busy, "busy")
	tests := []struct {
		name   string
		in     error
		code   problem.Code
		detail string
	}{
		{"own", own, problem.Busy, "busy"},
		{"wrapped", fmt.Errorf("start: %w", own), problem.Busy, "busy"},
		{"joined", errors.Join(errors.New("other"), own), problem.Busy, "busy"},
		{"invalid argument", errdefs.ErrInvalidArgument.WithMessage("bad id"), problem.InvalidArgument, "bad id"},
		{"not found", errdefs.ErrNotFound.WithMessage("no such thing"), problem.NotFound, "no such thing"},
		{"permission denied", errdefs.ErrPermissionDenied.WithMessage("no"), problem.Forbidden, "no"},
		{"conflict", errdefs.ErrConflict.WithMessage("taken"), problem.Conflict, "taken"},
		{"unavailable", errdefs.ErrUnavailable.WithMessage("away"), problem.Unavailable, "away"},
		{"anything else", errors.New("secret"), problem.Internal, "internal error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := problem.As(tt.in)
			if e.Code != tt.code || e.Detail != tt.detail {
				t.Errorf("As = %s: %s; want %s: %s", e.Code, e.Detail, tt.code, tt.detail)
			}
			if tt.code != problem.Busy && !errors.Is(e, tt.in) {
				t.Errorf("the cause %v is lost", tt.in)
			}
		})
	}
}

func TestError(t *testing.T) {
	e := problem.Newf(problem.DataReadOnly, "cannot write %s: %w", "data", fs.ErrPermission)
	if want := "cannot write data: permission denied"; e.Error() != want {
		t.Errorf("Error = %q, want %q", e.Error(), want)
	}
	if !errors.Is(e, fs.ErrPermission) || !errors.Is(e, errdefs.ErrUnavailable) || errors.Is(e, errdefs.ErrConflict) {
		t.Error("it is not both its cause and its kind")
	}
	with := e.With(problem.Item{Message: "a"})
	with.With(problem.Item{Message: "b"})
	if len(e.Items) != 0 || len(with.Items) != 1 {
		t.Errorf("With changed its receiver: %d and %d items, want 0 and 1", len(e.Items), len(with.Items))
	}
}

func TestHasCodeAndAgentAway(t *testing.T) {
	for _, c := range codes(t) {
		err := fmt.Errorf("x: %w", problem.Newf(c, "y"))
		if !problem.HasCode(err, problem.Busy, c) || problem.HasCode(err, "other") {
			t.Errorf("%s: HasCode does not find it", c)
		}
		away := c == problem.AgentNoSocket || c == problem.AgentRefused || c == problem.AgentUnauthorized || c == problem.AgentHung
		if problem.AgentAway(err) != away {
			t.Errorf("%s: AgentAway = %t", c, !away)
		}
	}
	if problem.HasCode(errors.New("x"), problem.Internal) || problem.HasCode(nil, problem.Internal) {
		t.Error("HasCode finds a code where none is")
	}
}

// huma asks a Document for these by name.
func TestDocument_IsWhatHumaAsksFor(t *testing.T) {
	d := problem.NewDocument(problem.Newf(problem.Busy, "wait"))
	var asked interface {
		error
		GetStatus() int
		ContentType(string) string
	} = d
	if asked.Error() != "wait" || asked.GetStatus() != 409 || asked.ContentType("application/json") != "application/problem+json" {
		t.Errorf("%q, %d, %s", asked.Error(), asked.GetStatus(), asked.ContentType(""))
	}
}
