package operation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"dreamserver/internal/folder"
	"dreamserver/internal/problem"
)

// History is the records in memory. It is safe for concurrent use.
type History struct {
	store *Store
	// tell is called after a change of a record, and milestone says that it is more than one of many small ones. It must
	// not call back.
	tell func(o Operation, milestone bool)

	mu    sync.Mutex
	known map[string]*entry // by id
	begun bool              // the records were read before: what is new now is news
}

// entry is one record as it was read last, or one of our own that is being made.
type entry struct {
	record
	stamp string  // tells this version of the file from another
	own   *Active // nil for what another program does, or has done
	kept  bool    // the disk does not have its end: what is in memory is right
}

// NewHistory knows nothing yet; [History.Refresh] reads the records. tell may be nil.
func NewHistory(store *Store, tell func(o Operation, milestone bool)) *History {
	if tell == nil {
		tell = func(Operation, bool) {}
	}
	return &History{store: store, tell: tell, known: map[string]*entry{}}
}

// Refresh reads the records that are new or have changed, and those of programs that have died.
func (h *History) Refresh() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	root, err := folder.Open(h.store.dir)
	if errors.Is(err, fs.ErrNotExist) {
		h.begun = true
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	ids, _, err := names(root)
	if err != nil {
		return err
	}
	ids = ids[:min(len(ids), Kept)]
	for id, e := range h.known {
		if _, there := slices.BinarySearchFunc(ids, id, func(a, b string) int { return strings.Compare(b, a) }); !there && e.own == nil && !e.kept {
			delete(h.known, id)
		}
	}
	for _, id := range ids {
		h.look(root, id)
	}
	h.begun = true
	return nil
}

// look reads a record if it is another one than before, and one that is being made by others, who may have died. The
// caller holds the lock.
func (h *History) look(root *os.Root, id string) {
	before := h.known[id]
	if before != nil && (before.own != nil || before.kept) {
		return
	}
	info, err := root.Lstat(id + suffix)
	if err != nil {
		return // just pruned
	}
	stamp := stampOf(info)
	if before != nil && before.stamp == stamp && before.State != Running {
		return
	}
	r, err := read(root, id)
	if err != nil || before != nil && before.stamp == stamp && before.State == r.State {
		return
	}
	h.known[id] = &entry{record: r, stamp: stamp}
	switch {
	case before == nil && r.State != Running && !h.begun: // what was done before we came is no news
	case before != nil && sameRecord(before.Operation, r.Operation): // our own, come back from the disk
	default:
		h.tell(r.Operation, before == nil || before.State != r.State)
	}
}

// sameRecord reports whether two records say the same: an empty list is none on disk.
func sameRecord(a, b Operation) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func stampOf(info fs.FileInfo) string {
	return fmt.Sprintf("%d %d", info.ModTime().UnixNano(), info.Size())
}

// Filter picks operations. An empty field picks all.
type Filter struct {
	Extension string
	State     State
	Limit     int
}

// List are the operations that the filter picks, newest first.
func (h *History) List(f Filter) []Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []Operation{}
	for _, e := range h.known {
		if (f.Extension == "" || e.Extension == f.Extension) && (f.State == "" || e.State == f.State) {
			out = append(out, e.Operation)
		}
	}
	slices.SortFunc(out, func(a, b Operation) int { return strings.Compare(b.ID, a.ID) })
	most := Kept
	if f.Limit > 0 {
		most = min(f.Limit, Kept)
	}
	return out[:min(len(out), most)]
}

// Get is one operation.
func (h *History) Get(id string) (Operation, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.known[id]; e != nil {
		return e.Operation, nil
	}
	return Operation{}, Unknown(id)
}

// Retried is the operation that a request with this key began, if there is one. The same key for another request is
// refused.
func (h *History) Retried(key, request string) (id string, err error) {
	if key == "" {
		return "", nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, e := range h.known {
		if e.Key != key {
			continue
		}
		if e.Request != request {
			return "", problem.Newf(problem.InvalidParameter,
				"this Idempotency-Key began operation %s, another request: send a new key with a new request, and the same one with a retry alone", id)
		}
		return id, nil
	}
	return "", nil
}

// Outcome waits for the end of an operation that this program makes, and returns what it came to. What another program
// makes is not waited for: while nobody knows the outcome, the error says so.
func (h *History) Outcome(ctx context.Context, id string) (Result, error) {
	h.mu.Lock()
	e := h.known[id]
	if e == nil {
		h.mu.Unlock()
		return Result{}, Unknown(id)
	}
	own, o := e.own, e.Operation
	h.mu.Unlock()
	if own != nil {
		select {
		case <-own.done:
			return own.result, own.err
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
	switch {
	case o.Error != nil:
		return Result{}, o.Error.Err()
	case o.Result != nil:
		return *o.Result, nil
	}
	return Result{}, problem.Newf(problem.OutcomeUnknown, "operation %s is %s: what became of it is not known yet; ask for it again", id, o.State)
}

// Cancel has an operation cancelled, by actor: at once where this program makes it; else its program finds word of it as soon as
// its step ends, which is the caller's to bring about, and elsewhere is true.
func (h *History) Cancel(id, actor string) (o Operation, elsewhere bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.known[id]
	switch {
	case e == nil:
		return Operation{}, false, Unknown(id)
	case e.State != Running:
		return e.Operation, false, problem.Newf(problem.Conflict, "operation %s is %s: there is nothing to cancel", id, e.State)
	case !e.Cancellable():
		return e.Operation, false, problem.Newf(problem.Conflict,
			"operation %s, the %s of %s, is not cancelled on the way: it ends soon, and can be turned round then", id, e.Kind, e.Extension)
	case e.own != nil:
		e.own.cancelled.Store(&actor)
		e.own.cancel()
		return e.Operation, false, nil
	}
	return e.Operation, true, h.store.AskCancel(id, actor)
}
