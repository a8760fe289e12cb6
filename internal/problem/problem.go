// Package problem is the one vocabulary of refusals. A package that knows no HTTP returns an [*Error] with a
// [Code]; the table in codes.go gives each code its kind, its HTTP status and its title; [Write] and [Read]
// carry it over HTTP as application/problem+json (RFC 9457) in both directions, so that an error made in the
// agent reaches the command line with its code intact.
package problem

import (
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
)

// Error is a refusal that a person may read. It is immutable once returned.
type Error struct {
	Code   Code
	Detail string // one or two sentences: what, where, why, what to do next
	Items  []Item // every single cause, where there are several
	Err    error  // the cause, for the log and for errors.Is; never shown
}

// Item is one cause among several.
type Item struct {
	Rule     string `json:"rule,omitempty"`
	Severity string `json:"severity,omitempty"`
	Service  string `json:"service,omitempty"`
	Path     string `json:"path,omitempty"` // key path in the document, or the parameter's name
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"`
	Fix      string `json:"fix,omitempty"`
}

// Newf makes an Error. With %w in the format the cause can be unwrapped.
func Newf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Detail: err.Error(), Err: errors.Unwrap(err)}
}

// With returns a copy that lists the single causes.
func (e *Error) With(items ...Item) *Error {
	c := *e
	c.Items = append(append([]Item(nil), e.Items...), items...)
	return &c
}

func (e *Error) Error() string { return e.Detail }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, errdefs.ErrNotFound) and its siblings true by the code's kind.
func (e *Error) Is(target error) bool { return e.Code.row().kind == target }

// About names the extension before what err says. A refusal stays one, with its code and causes.
func About(id string, err error) error {
	e := As(err)
	if e.Code == Internal {
		return fmt.Errorf("extension %q: %w", id, err)
	}
	return &Error{Code: e.Code, Detail: fmt.Sprintf("extension %q: %s", id, e.Detail), Items: e.Items, Err: e.Err}
}

// As is the *Error in err's chain, or one with code internal that shows nothing of err.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: kindCode(err), Detail: detailOf(err), Err: err}
}

// HasCode reports whether err is a refusal with one of the codes.
func HasCode(err error, codes ...Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(codes, e.Code)
}

func kindCode(err error) Code {
	switch {
	case errdefs.IsInvalidArgument(err):
		return InvalidArgument
	case errdefs.IsNotFound(err):
		return NotFound
	case errdefs.IsPermissionDenied(err):
		return Forbidden
	case errdefs.IsConflict(err):
		return Conflict
	case errdefs.IsUnavailable(err):
		return Unavailable
	}
	return Internal
}

func detailOf(err error) string {
	if kindCode(err) == Internal {
		return "internal error"
	}
	return err.Error()
}
