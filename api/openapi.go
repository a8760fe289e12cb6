package api

import (
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"dreamserver/internal/problem"
)

// How the document calls the bearer key and the session's cookie.
const (
	keyScheme     = "apiKey"
	sessionScheme = "session"
)

// humaConfig is huma's default without what would change our replies or load anything from other hosts: no
// links to schemas in bodies, no documentation page from a CDN. The table of routes serves the document.
func humaConfig(version string, transformers ...huma.Transformer) huma.Config {
	c := huma.DefaultConfig("Dream Server", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Transformers = transformers
	c.Info.Description = "Extensions of a Dream Server installation: what there is, what runs, and how to change it. " +
		"Send a key as Authorization: Bearer <key>. It has a scope, admin, operate, read or metrics, each of which may do what the " +
		"next may; x-access names the one that an operation takes. Refusals are application/problem+json; their code is stable."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		keyScheme:     {Type: "http", Scheme: "bearer", Description: "DASHBOARD_API_KEY of the installation's .env, whose scope is admin, or a key that `dream key add` made"},
		sessionScheme: {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "the session of a browser that signed in with a key; it has the key's scope"},
	}
	c.Components.Schemas.Schema(reflect.TypeFor[problem.Document](), true, "")
	return c
}

// refusalResponse documents every reply that is not 2xx.
func refusalResponse() *huma.Response {
	return &huma.Response{
		Description: "Refused",
		Content:     map[string]*huma.MediaType{problem.ContentType: {Schema: &huma.Schema{Ref: "#/components/schemas/Document"}}},
	}
}

// publish writes the OpenAPI document and the page made of it, once: neither changes while the program runs.
func (s *server) publish(table []route) error {
	doc := s.huma.OpenAPI()
	tidySchemas(doc.Components.Schemas)
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	page, err := renderDocs(doc, table)
	if err != nil {
		return err
	}
	s.pages = pages{openapi: text, docs: page}
	return nil
}

// tidySchemas makes the document say what is true of our replies: lists are never null, a later version may
// have more fields, and huma's own error model never appears.
func tidySchemas(schemas huma.Registry) {
	delete(schemas.Map(), "ErrorModel")
	delete(schemas.Map(), "ErrorDetail")
	for _, schema := range schemas.Map() {
		if schema.AdditionalProperties == false {
			schema.AdditionalProperties = nil
		}
		for _, property := range schema.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false
			}
		}
	}
}

func (s *server) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(s.pages.openapi) // the client left: nobody to tell
}
