package problem

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// ContentType is the media type of RFC 9457.
const ContentType = "application/problem+json"

// maxReply bounds what Read takes from a peer, in bytes.
const maxReply = 1 << 20

// Document is the JSON of a refusal.
type Document struct { //nolint:errname // what is sent; that it is an error, too, is for huma
	Type   string `json:"type" doc:"Always about:blank: the code says which problem it is"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail" doc:"What happened, why, and what to do next"`
	Code   Code   `json:"code" doc:"Stable, machine-readable name of the problem"`
	Errors []Item `json:"errors,omitempty" doc:"Every single cause, where there are several"`
	// Legacy is the detail again, in the agent's replies only: the reference's agent had no other field.
	Legacy string `json:"error,omitempty"`
}

// NewDocument is err as a client sees it. An error that is not an [*Error] shows nothing of itself.
func NewDocument(err error) *Document {
	e := As(err)
	return &Document{
		Type: "about:blank", Title: e.Code.Title(), Status: e.Code.Status(),
		Detail: e.Detail, Code: e.Code, Errors: e.Items,
	}
}

// Error makes a Document usable as an error value.
func (d *Document) Error() string { return d.Detail }

// GetStatus is the HTTP status; huma asks for it by this name.
func (d *Document) GetStatus() int { return d.Status }

// ContentType is problem+json whatever the client negotiated; huma asks for it by this name.
func (d *Document) ContentType(string) string { return ContentType }

// Write answers a request with err.
func Write(w http.ResponseWriter, err error) { NewDocument(err).Write(w) }

// Write answers a request with d.
func (d *Document) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	if d.Code == Unauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(d.Status)
	_ = json.NewEncoder(w).Encode(d) // the client left: nobody to tell
}

// Read turns a reply that is not 2xx back into the error it was made from. A reply that is not ours, such as
// a proxy's, becomes Unavailable with its status.
func Read(resp *http.Response) error {
	var d Document
	err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&d)
	if err != nil || d.Code == "" {
		return Newf(Unavailable, "unexpected reply: HTTP %s", resp.Status)
	}
	return d.Refusal()
}

// Refusal is the error that the document was made from. A code of another version becomes Unavailable.
func (d *Document) Refusal() error {
	if _, known := table[d.Code]; !known {
		return &Error{Code: Unavailable, Detail: fmt.Sprintf("%s (%s)", d.Detail, d.Code), Items: d.Errors}
	}
	return &Error{Code: d.Code, Detail: d.Detail, Items: d.Errors}
}
