package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// maybe is a T, or null where it is not known: clients of the reference look at such fields, so that they are always
// there. The zero value is null.
type maybe[T any] struct{ value *T }

func known[T any](v T) maybe[T] { return maybe[T]{&v} }

// MarshalJSON writes the value, or null.
func (m maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.value) }

// Schema documents both.
func (m maybe[T]) Schema(r huma.Registry) *huma.Schema {
	schema := r.Schema(reflect.TypeFor[T](), true, "")
	if schema.Ref != "" {
		return &huma.Schema{OneOf: []*huma.Schema{schema, {Type: "null"}}}
	}
	nullable := *schema
	nullable.Nullable = true
	return &nullable
}

// nothing is a field of the reference of which nobody here knows the value: it is always null.
type nothing struct{}

// MarshalJSON writes null.
func (nothing) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Schema documents that.
func (nothing) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }
