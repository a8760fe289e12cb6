package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"dreamserver/internal/problem"
)

// document is what the tests read of the OpenAPI document.
type document struct {
	OpenAPI    string `json:"openapi"`
	Paths      map[string]map[string]operation
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct{ Type any }
		}
	}
}

type operation struct {
	OperationID string `json:"operationId"`
	Access      string `json:"x-access"`
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
}

func openAPI(t *testing.T, in *installation) document {
	t.Helper()
	return decode[document](t, in.do("GET", "/openapi.json", "", "Authorization: "))
}

func TestRoutes_EachDeclaresItsAccessAndKeepsIt(t *testing.T) {
	in := newInstallation(t)
	doc := openAPI(t, in)
	var open []string
	err := chi.Walk(in.handler.(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		op, ok := doc.Paths[path][strings.ToLower(method)]
		if !ok {
			t.Errorf("%s %s is not in the OpenAPI document", method, path)
			return nil
		}
		rec := in.do(method, strings.ReplaceAll(path, "{id}", "hello"), "", "Authorization: ")
		switch op.Access {
		case "open":
			open = append(open, path)
			if rec.Code != http.StatusOK || len(op.Security) != 0 {
				t.Errorf("%s %s without a key: %d, security %v", method, path, rec.Code, op.Security)
			}
		case "read", "change":
			refused(t, rec, problem.Unauthorized, "DASHBOARD_API_KEY")
			if (method == "GET" && op.Access != "read") || len(op.Security) != 1 {
				t.Errorf("%s %s: access %s, security %v", method, path, op.Access, op.Security)
			}
		default:
			t.Errorf("%s %s: access %q", method, path, op.Access)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(open)
	if diff := cmp.Diff([]string{"/docs", "/health", "/healthz", "/openapi.json", "/readyz"}, open); diff != "" {
		t.Errorf("open routes (-want +got):\n%s", diff)
	}
}

// The document as a whole is the contract: a change of it is a change of golden file.
func TestOpenAPI_IsTheContract(t *testing.T) {
	in := newInstallation(t)
	rec := in.do("GET", "/openapi.json", "")
	if got := rec.Header().Get("Content-Type"); got != "application/openapi+json" {
		t.Errorf("Content-Type %q", got)
	}
	in.golden("openapi", rec)
	doc := openAPI(t, in)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q, want 3.1.0", doc.OpenAPI)
	}
	for name, schema := range doc.Components.Schemas {
		for field, property := range schema.Properties {
			if types, ok := property.Type.([]any); ok && slices.Contains(types, any("null")) {
				t.Errorf("%s.%s may be null", name, field)
			}
		}
	}
	for _, gone := range []string{"ErrorModel", "$schema", "https://", "http://"} {
		if strings.Contains(rec.Body.String(), gone) {
			t.Errorf("the document contains %s", gone)
		}
	}
}

// What handlers send must be what the document says: every field of a reply is a property of its schema.
func TestOpenAPI_NamesEveryFieldOfAReply(t *testing.T) {
	in := newInstallation(t)
	doc := openAPI(t, in)
	for path, schema := range map[string]string{
		"/api/extensions/catalog": "CatalogBody",
		"/api/extensions/search":  "ExtensionBody",
		"/api/features":           "FeaturesBody",
		"/readyz":                 "ReadyBody",
		"/health":                 "HealthBody",
	} {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(in.do("GET", path, "").Body.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		for name := range fields {
			if _, ok := doc.Components.Schemas[schema].Properties[name]; !ok {
				t.Errorf("%s has %q, which %s has not", path, name, schema)
			}
		}
	}
}
