package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestDocs_WorkWithoutAnyOtherHost(t *testing.T) {
	in := newInstallation(t)
	rec := in.do("GET", "/docs", "", "Authorization: ")
	page := rec.Body.String()
	if external := regexp.MustCompile(`(?i)(src|href)\s*=\s*"?(https?:)?//`).FindString(page); external != "" {
		t.Errorf("the page refers to another host: %s", external)
	}
	if strings.Contains(page, "<script") {
		t.Error("the page has a script")
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(style[1]))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := rec.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("Content-Security-Policy %q, want %q: else the page has no style", got, want)
	}
}

func TestDocs_ListEveryOperationAndLinkWhatExists(t *testing.T) {
	in := newInstallation(t)
	page := in.do("GET", "/docs", "").Body.String()
	for path, methods := range openAPI(t, in).Paths {
		for _, op := range methods {
			if !strings.Contains(page, `id="`+op.OperationID+`"`) || !strings.Contains(page, "<code>"+path+"</code>") {
				t.Errorf("%s (%s) is not on the page", path, op.OperationID)
			}
		}
	}
	if want := `<a href="#StatusGPU">StatusGPU or null</a>`; !strings.Contains(page, want) {
		t.Errorf("the page has no %s: what may be null says so", want)
	}
	for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+link[1]+`"`) {
			t.Errorf("the link to #%s leads nowhere", link[1])
		}
	}
}
