package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"dreamserver/api"
)

// document is what the tests read of the OpenAPI document.
type document struct {
	OpenAPI    string `json:"openapi"`
	Paths      map[string]map[string]documented
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Type        any
				Description string
			}
		}
	}
}

type documented struct {
	OperationID string `json:"operationId"`
	Access      string `json:"x-access"`
	Changes     bool   `json:"x-changes"`
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
}

func openAPI(t *testing.T, in *installation) document {
	t.Helper()
	return decode[document](t, in.do("GET", "/openapi.json", "", "Authorization: "))
}

// What is served is what the table says, and the document says the same.
func TestRoutes_AreThoseOfTheTableAndTheDocument(t *testing.T) {
	in := newInstallation(t)
	doc := openAPI(t, in)
	rows := map[string]api.Row{}
	var open []string
	for _, row := range api.Table() {
		rows[row.Method+" "+row.Path] = row
		if row.Need == "open" {
			open = append(open, row.Method+" "+row.Path)
		}
	}
	served := 0
	err := chi.Walk(in.handler.(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served++
		row, ok := rows[method+" "+path]
		if !ok {
			t.Errorf("%s %s is not in the table", method, path)
		}
		op := doc.Paths[path][strings.ToLower(method)]
		want := []map[string][]string{}
		if row.Need != "open" {
			want = append(want, map[string][]string{"apiKey": {row.Need}}, map[string][]string{"session": {row.Need}})
		}
		if diff := cmp.Diff(want, op.Security); diff != "" || op.Access != row.Need || op.Changes != (row.Effect == "changes") {
			t.Errorf("%s %s: the document says access %q, changes %v, security (-want +got):\n%s", method, path, op.Access, op.Changes, diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if served != len(rows) {
		t.Errorf("%d routes are served, the table has %d", served, len(rows))
	}
	slices.Sort(open)
	if diff := cmp.Diff([]string{"DELETE /api/session", "GET /docs", "GET /health", "GET /healthz", "GET /openapi.json", "GET /readyz", "POST /api/session"}, open); diff != "" {
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
			if types, ok := property.Type.([]any); ok && slices.Contains(types, any("null")) && !strings.Contains(property.Description, "null") {
				t.Errorf("%s.%s may be null, and does not say when", name, field)
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
		"/api/session":            "SessionBody",
		"/api/status":             "StatusBody",
		"/status":                 "ShortStatusBody",
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
