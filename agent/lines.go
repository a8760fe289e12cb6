package agent

import (
	"encoding/json"
	"net/http"
	"sync"
)

// lineStream writes JSON lines one at a time. The work goes on without a client that leaves or does not read:
// docker compose would stand still behind it.
type lineStream struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	enc     *json.Encoder
	started bool
	gone    bool
}

func newLineStream(w http.ResponseWriter) *lineStream {
	return &lineStream{w: w, enc: json.NewEncoder(w)}
}

// write sends v as a line. The first one sends the header: until then the reply can be another.
func (l *lineStream) write(v any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return
	}
	if !l.started {
		l.started = true
		l.w.Header().Set("Content-Type", "application/jsonl")
	}
	l.gone = l.enc.Encode(v) != nil || http.NewResponseController(l.w).Flush() != nil
}

// begun reports whether a line was written. A nil stream has none.
func (l *lineStream) begun() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.started
}
