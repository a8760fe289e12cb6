package api

import (
	"context"
	"net/http"
	"time"

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

// NewStreaming is New with one more route, GET /stream of the scope operate, which sends what the function sends.
func NewStreaming(o Options, run func(ctx context.Context, send func(name string, v any) bool)) (http.Handler, error) {
	return newServer(o, func(s *server) []route {
		handle := func(w http.ResponseWriter, r *http.Request, _ *struct{}) error {
			s.produce(w, r, func(ctx context.Context, out chan<- event) {
				run(ctx, func(name string, v any) bool {
					e, err := newEvent("", name, v)
					if err != nil {
						panic(err)
					}
					select {
					case out <- e:
						return true
					case <-ctx.Done():
						return false
					}
				})
			})
			return nil
		}
		return append(s.routes(), route{
			method: "GET", path: "/stream", need: operate, effect: streams, bind: streamed(handle), tag: "test", id: "test", summary: "Test",
		})
	})
}

// KeyStreams is how many streams of one key may be open.
const KeyStreams = keyStreams

// NewEvent is an event as it goes over the wire.
func NewEvent(id, name string, v any) (string, error) {
	e, err := newEvent(id, name, v)
	return string(e), err
}

// Now is the time as the API tells it.
func Now(o Options) (now time.Time, err error) {
	_, err = newServer(o, func(s *server) []route {
		now = s.now()
		return nil
	})
	return now, err
}

// LastEvent is the number in the id of an event, in the life of the program that boot names.
func LastEvent(boot, id string) uint64 { return (&server{answers: &answers{boot: boot}}).lastEvent(id) }

// EventID is the id of the event with the number n.
func EventID(boot string, n uint64) string {
	return (&server{answers: &answers{boot: boot}}).eventID(n)
}
