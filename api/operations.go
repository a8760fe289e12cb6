package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// Preferences are how a client wants to be told of a change.
type Preferences struct {
	Prefer string `header:"Prefer" doc:"respond-async: answer 202 as soon as the change is begun, with where to follow it (RFC 7240)"`
	Key    string `header:"Idempotency-Key" maxLength:"255" doc:"makes a retry the same operation, for as long as its record is kept: a new value for each change"`
}

// async reports whether the client does not wait.
func (p Preferences) async() bool {
	for preference := range strings.SplitSeq(p.Prefer, ",") {
		name, _, _ := strings.Cut(preference, ";")
		if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
			return true
		}
	}
	return false
}

// changeReply is what a change did, or the operation that it goes on as.
type changeReply[T any] struct {
	Status   int
	Location string `header:"Location" doc:"of the operation, with 202"`
	Applied  string `header:"Preference-Applied"`
	Body     either[T]
}

// either is a T once the change is done.
type either[T any] struct {
	done  T
	going *operation.Operation
}

// MarshalJSON is that of the one that it is.
func (e either[T]) MarshalJSON() ([]byte, error) {
	if e.going != nil {
		return json.Marshal(e.going)
	}
	return json.Marshal(e.done)
}

// Schema is that of T; the other is documented with the status 202.
func (e either[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, "")
}

// asOperation documents that a change can go on behind the reply.
func asOperation(bind binder) binder {
	return func(s *server, op huma.Operation) {
		op.Responses["202"] = &huma.Response{
			Description: "The change is begun, because of Prefer: respond-async",
			Headers:     map[string]*huma.Param{"Location": {Description: "of the operation", Schema: &huma.Schema{Type: huma.TypeString}}},
			Content: map[string]*huma.MediaType{"application/json": {
				Schema: s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[operation.Operation](), true, "Operation"),
			}},
		}
		bind(s, op)
	}
}

// order begins a change, and waits for its end unless the client does not.
func order[T any](ctx context.Context, s *server, o catalog.Order, how Preferences, body func(catalog.Result) T) (*changeReply[T], error) {
	op, err := s.extensions.Submit(ctx, o, how.Key)
	if err != nil {
		return nil, err
	}
	if how.async() {
		go s.awaitOutcome(context.WithoutCancel(ctx), op.ID)
		return &changeReply[T]{
			Status: http.StatusAccepted, Location: operationPath + "/" + op.ID, Applied: "respond-async", Body: either[T]{going: &op},
		}, nil
	}
	r, err := s.extensions.Outcome(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	return &changeReply[T]{Status: http.StatusOK, Body: either[T]{done: body(r)}}, nil
}

// awaitOutcome logs a failure that no reply will tell of.
func (s *server) awaitOutcome(ctx context.Context, id string) {
	if _, err := s.extensions.Outcome(ctx, id); err != nil {
		_ = s.refusal(ctx, err)
	}
}

// whole is a result as it is.
func whole(r catalog.Result) catalog.Result { return r }

const operationPath = "/api/operations"

type operationsInput struct {
	Extension string `query:"extension" maxLength:"63" doc:"only changes to this extension"`
	State     string `query:"state" enum:"running,waiting,interrupted,succeeded,failed,cancelled" doc:"only operations in this state"`
	Limit     int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many at most"`
}

type operationsBody struct {
	Operations []operation.Operation `json:"operations" doc:"the newest first; the last 1,000 are kept"`
}

type operationInput struct {
	ID string `path:"id"`
}

func (in *operationInput) check() error {
	if !operation.ValidID(in.ID) {
		return problem.Newf(problem.NotFound, "%.80q is no id of an operation: %s lists them", in.ID, operationPath)
	}
	return nil
}

func (s *server) listOperations(ctx context.Context, in *operationsInput) (*reply[operationsBody], error) {
	all, err := s.extensions.Operations(operation.Filter{Extension: in.Extension, State: operation.State(in.State), Limit: in.Limit})
	for i := range all {
		all[i] = readable(ctx, all[i])
	}
	return respond(operationsBody{all}, err)
}

func (s *server) getOperation(ctx context.Context, in *operationInput) (*reply[operation.Operation], error) {
	o, err := s.extensions.Operation(in.ID)
	return respond(readable(ctx, o), err)
}

// readable is what the caller may read of an operation: logs take the scope operate, wherever they are.
func readable(ctx context.Context, o operation.Operation) operation.Operation {
	if visitOf(ctx).caller.scope.Allows(config.ScopeOperate) {
		return o
	}
	return o.WithoutLog()
}

func (s *server) cancelOperation(ctx context.Context, in *operationInput) (*reply[operation.Operation], error) {
	return respond(s.extensions.Cancel(ctx, in.ID))
}
