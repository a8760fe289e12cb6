package api_test

import (
	"net/http"
	"testing"

	"dreamserver/catalog"
)

func TestAudit_IsReadFromTheAgent(t *testing.T) {
	in := newInstallation(t)
	type page struct{ Entries []catalog.AuditEntry }
	if got := decode[page](t, in.do("GET", "/api/audit?limit=2", "")); len(got.Entries) != 2 {
		t.Errorf("%d entries, want the 2 that were asked for", len(got.Entries))
	}
	if rec := in.do("GET", "/api/audit?limit=0", ""); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("limit=0: %d %s, want a refusal", rec.Code, rec.Body)
	}
}
