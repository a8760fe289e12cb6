package operation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamserver/catalog/operation"
)

// Whoever can write the folder of records writes what it likes. It is read without a panic, as a record of that name or
// not at all, and what is taken from it can be shown, kept and ended.
func FuzzReadRecord(f *testing.F) {
	const id = "00000000-0000-7000-8000-000000000001"
	whole := `{"id":"` + id + `","kind":"install","extension":"notes","actor":"cli:alice","state":"running","started":"2026-01-01T00:00:00Z",` +
		`"stages":[{"name":"pull","started":"2026-01-01T00:00:00Z","percent":50,"bytes":5,"total_bytes":10}],"key":"k","request":"r"}`
	for _, seed := range []string{
		whole, whole + whole, strings.Replace(whole, "running", "interrupted", 1), strings.Replace(whole, id, id[:35]+"2", 1),
		strings.Replace(whole, `"stages":[`, `"stages":[{},{},`, 1), `{"id":"` + id + `","stages":null,"error":{"code":"x"},"state":"failed"}`,
		`{"id":"` + id + `","started":"9999-12-31T23:59:59Z","ended":"0001-01-01T00:00:00Z","state":"waiting"}`,
		``, `null`, `[]`, `{"id":`, strings.Repeat("[", 20_000), "\x00\xff", `{"id":"` + id + `","stages":[` + strings.Repeat(`{"percent":-1},`, 1000) + `{}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, id+".json"), data, 0o600))
		b := open(t, dir)
		b.refresh(t)
		all := b.List(operation.Filter{})
		o, err := b.store.Get(id)
		if (err == nil) != (len(all) == 1) || err == nil && o.ID != id {
			t.Fatalf("%d are listed, and one is %+v, %v", len(all), o, err)
		}
		if err != nil {
			return
		}
		if o.State == operation.Running { // nobody holds it
			t.Error("it says that it runs, and is believed")
		}
		if _, err := json.Marshal(o); err != nil {
			t.Errorf("it cannot be shown: %v", err)
		}
		unfinished := !o.State.Ended()
		if err := b.store.Finish(id, operation.Failed, nil, nil); err != nil {
			t.Skip(err) // such as a year that JSON does not have
		}
		after, err := b.store.Get(id)
		if unfinished && (err != nil || after.State != operation.Failed || after.Ended.Before(after.Started)) {
			t.Errorf("after its end: %+v, %v", after, err)
		}
		goes := operation.Tracker{Operation: after}
		goes.Take(operation.Progress{Stage: "wait"}, time.Now())
	})
}
