package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// serviceSpec is what a hook of services sees of two services.
func serviceSpec(t *testing.T) Spec {
	t.Helper()
	var s Spec
	dec := json.NewDecoder(strings.NewReader(`{"kind":"service","id":"notes","manifest":{},"networks":{},"configs":{},"secrets":{},
		"services":{"notes":{"image":"example/notes:1","privileged":true,"environment":{"A":"1"},"mem_limit":"1073741824"},
		"notes-db":{"image":"example/db@sha256:00","ports":[{"target":5432,"published":"5432"}]}}}`))
	dec.UseNumber()
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func show(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprint(v)
}
