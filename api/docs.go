package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// pages are what the API says about itself, rendered once.
type pages struct {
	openapi []byte
	docs    []byte
}

var (
	//go:embed docs.html
	docsHTML string
	//go:embed docs.css
	docsCSS string

	docsTemplate = template.Must(template.New("docs").Parse(docsHTML))
	// docsPolicy lets the page have its own style and nothing else: no script, no other host.
	docsPolicy = "default-src 'none'; style-src '" + sourceHash(docsCSS) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// docsPage is what the template reads.
type docsPage struct {
	Title, Version, Description string
	Style                       template.CSS
	Groups                      []docsGroup
	Schemas                     []docsSchema
}

type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct {
	Method, Path, ID, Summary, Access string
	Changes                           bool
	Parameters                        []docsField
	Reply                             string // name of a schema; empty for replies that are not JSON
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, In, Type, Ref, Text string
	Required                  bool
}

// renderDocs makes a page of the OpenAPI document, in the order of the table of routes.
func renderDocs(doc *huma.OpenAPI, order []route) ([]byte, error) {
	page := docsPage{
		Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description,
		Style: template.CSS(docsCSS), //nolint:gosec // our own file
	}
	for _, r := range order {
		i := slices.IndexFunc(page.Groups, func(g docsGroup) bool { return g.Name == r.tag })
		if i < 0 {
			i = len(page.Groups)
			page.Groups = append(page.Groups, docsGroup{Name: r.tag})
		}
		page.Groups[i].Operations = append(page.Groups[i].Operations, describe(r, operationOf(doc, r)))
	}
	for _, name := range sortedKeys(doc.Components.Schemas.Map()) {
		page.Schemas = append(page.Schemas, docsSchema{name, fieldsOf(doc.Components.Schemas.Map()[name])})
	}
	var out bytes.Buffer
	err := docsTemplate.Execute(&out, page)
	return out.Bytes(), err
}

func operationOf(doc *huma.OpenAPI, r route) *huma.Operation {
	item := doc.Paths[r.path]
	switch r.method {
	case http.MethodPost:
		return item.Post
	case http.MethodDelete:
		return item.Delete
	}
	return item.Get
}

func describe(r route, op *huma.Operation) docsOperation {
	d := docsOperation{Method: r.method, Path: r.path, ID: r.id, Summary: r.summary, Access: string(r.need), Changes: r.effect == changes}
	for _, p := range op.Parameters {
		f := docsField{Name: p.Name, In: p.In, Type: typeName(p.Schema), Text: p.Description, Required: p.Required}
		if len(p.Schema.Enum) > 0 {
			f.Text = strings.TrimSpace(f.Text + " " + allowedValues(p.Schema))
		}
		d.Parameters = append(d.Parameters, f)
	}
	if ok := op.Responses["200"]; ok != nil && ok.Content["application/json"] != nil {
		d.Reply = refName(ok.Content["application/json"].Schema)
	}
	return d
}

func fieldsOf(schema *huma.Schema) []docsField {
	var fields []docsField
	for _, name := range sortedKeys(schema.Properties) {
		p := schema.Properties[name]
		f := docsField{Name: name, Type: typeName(p), Ref: refName(p), Text: p.Description, Required: slices.Contains(schema.Required, name)}
		if len(p.Enum) > 0 {
			f.Text = strings.TrimSpace(f.Text + " " + allowedValues(p))
		}
		fields = append(fields, f)
	}
	return fields
}

func typeName(s *huma.Schema) string {
	switch {
	case s == nil:
		return "any"
	case s.Ref != "":
		return refName(s)
	case len(s.OneOf) > 0:
		names := make([]string, len(s.OneOf))
		for i, one := range s.OneOf {
			names[i] = typeName(one)
		}
		return strings.Join(names, " or ")
	case s.Type == huma.TypeArray:
		return "list of " + typeName(s.Items)
	case s.Format == "date-time":
		return "time"
	case s.Type == "":
		return "any"
	}
	return s.Type
}

// refName is the named schema that s is, or is a list of.
func refName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	switch {
	case s.Type == huma.TypeArray:
		return refName(s.Items)
	case len(s.OneOf) > 0:
		return refName(s.OneOf[0])
	}
	return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
}

func allowedValues(s *huma.Schema) string {
	values := make([]string, 0, len(s.Enum))
	for _, v := range s.Enum {
		if text, ok := v.(string); ok {
			values = append(values, text)
		}
	}
	return "One of: " + strings.Join(values, ", ") + "."
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s *server) docs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", docsPolicy)
	_, _ = w.Write(s.pages.docs) // the client left: nobody to tell
}
