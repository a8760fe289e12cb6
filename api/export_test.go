package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dreamserver/internal/problem"
)

// Row is what a line of the table of routes says of its callers.
type Row struct {
	Method, Path, Need, Effect string
}

// Table is the table of routes.
func Table() []Row {
	var rows []Row
	for _, r := range (&server{}).routes() {
		rows = append(rows, Row{r.method, r.path, string(r.need), string(r.effect)})
	}
	return rows
}

// NewWith is New with one more route.
func NewWith(o Options, row Row) (http.Handler, error) {
	return newServer(o, func(s *server) []route {
		return append(s.routes(), route{
			method: row.Method, path: row.Path, need: need(row.Need), effect: effect(row.Effect),
			bind: plain("text/plain", s.alive), tag: "test", id: "test", summary: "Test",
		})
	})
}

// OfHuma is what a client sees of a refusal that huma makes.
func OfHuma(status int, message string, errs ...error) (*problem.Document, error) {
	v, err := (&server{}).speakProblem(nil, "", huma.NewError(status, message, errs...))
	d, _ := v.(*problem.Document)
	return d, err
}
