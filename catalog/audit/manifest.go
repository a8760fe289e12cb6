package audit

import (
	"cmp"
	"errors"
	"path"
	"strings"

	"dreamserver/compose"
	"dreamserver/manifest"
)

// contract holds the manifest against the contract, and gives each thing that is wrong the code of its place.
func (f *folder) contract() {
	m, err := f.document.Manifest()
	f.manifest = m
	if e, ok := errors.AsType[*manifest.Error](err); ok {
		for _, i := range e.Issues {
			if i.Path == "service.id" && f.service.at("id").text() != f.dir {
				continue // another id is the advice then
			}
			f.findIssue(f.brokenCode(i), i)
		}
	}
	for _, i := range f.document.Warnings() {
		if _, own := codeOf(niceties, i.Path); own && !i.Unknown {
			continue // features have rules of their own
		}
		code, _ := codeOf(ignored, i.Path)
		if i.Unknown {
			code = "unknown-key"
		}
		f.findIssue(cmp.Or(code, "manifest-value-ignored"), i)
	}
}

// brokenCode is the code of what the contract refuses. A name that is there twice is another thing than none.
func (f *folder) brokenCode(i manifest.Issue) string {
	for _, feature := range f.features() {
		if id := feature.at("id"); id.path == i.Path {
			if id.blank() {
				return "feature-field-missing"
			}
			return "feature-id-collision"
		}
	}
	for _, v := range f.service.at("env_vars").items() {
		if key := v.at("key"); key.path == i.Path && !key.blank() {
			return "manifest-refused"
		}
	}
	code, _ := codeOf(broken, i.Path)
	return cmp.Or(code, "manifest-refused")
}

// findIssue is what the contract says about a key, once for each.
func (f *folder) findIssue(code string, i manifest.Issue) {
	if f.known[i.Path] {
		return
	}
	f.known[i.Path] = true
	f.add(code, path.Base(i.File), i.Line, "", strings.TrimSpace(i.Path+" "+i.Message))
}

// broken are places whose value the contract refuses. * stands for all that begins so, and [] for any item.
var broken = map[string]string{
	"schema_version":                    "schema-version-invalid",
	"compatibility*":                    "compatibility-invalid",
	"service.name":                      "service-name-missing",
	"service.category":                  "service-category-invalid",
	"service.type":                      "service-type-invalid",
	"service.port":                      "service-port-invalid",
	"service.health":                    "service-health-invalid",
	"service.external_port_default":     "service-external-port-invalid",
	"service.external_port_env":         "service-port-env-invalid",
	"service.gpu_backends*":             "service-gpu-backends-invalid",
	"service.depends_on":                "dependency-cycle",
	"service.depends_on[]":              "dependency-missing",
	"service.env_vars":                  "env-vars-invalid",
	"service.env_vars[]":                "env-var-entry-invalid",
	"service.env_vars[].key":            "env-var-entry-invalid",
	"features":                          "feature-invalid",
	"features[]":                        "feature-invalid",
	"features[].requirements.services*": "feature-service-reference-invalid",
	"features[].enabled_services_*":     "feature-service-reference-invalid",
}

// ignored are places whose value the contract leaves out.
var ignored = map[string]string{
	"service.aliases*":   "alias-invalid",
	"service.setup_hook": "setup-hook-unused",
}

// niceties are the keys of a feature that the contract has defaults for.
var niceties = map[string]string{
	"features[].name": "", "features[].description": "", "features[].icon": "", "features[].category": "", "features[].priority": "",
}

// codeOf is the code of a place, and whether there is one.
func codeOf(places map[string]string, path string) (string, bool) {
	var b strings.Builder // the path without the numbers of items
	for part := range strings.SplitAfterSeq(path, "[") {
		b.WriteString(strings.TrimLeft(part, "0123456789"))
	}
	path = b.String()
	if code, ok := places[path]; ok {
		return code, true
	}
	for pattern, code := range places {
		if start, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(path, start) {
			return code, true
		}
	}
	return "", false
}

// checkService holds the section against what the contract leaves open and an extension that ships does not.
func (f *folder) checkService(a *audit) {
	s := f.service
	if id := s.at("id"); id.text() != f.dir {
		f.find("service-id-directory-mismatch", id, "is %s in the folder %s", quote(id.text()), quote(f.dir))
	}
	f.checkPortAndHealth()
	if f.manifest == nil {
		return
	}
	if f.root.Source != compose.Builtin {
		reserved := a.tables.builtin
		switch reason := compose.Impostor(f.manifest, nil); {
		case f.core():
			f.find("service-category-reserved", s.at("category"), "is core, which is the platform's own")
		case reason != "" && !reserved[f.id]:
			f.find("service-id-reserved", s.at("id"), "is not free: %s", reason)
		}
	}
	if err := f.manifest.CheckCompatible(a.Version); err != nil {
		f.find("compatibility-excluded", root(f.document.Root).at("compatibility"), "does not fit: %v", err)
	}
}

// checkPortAndHealth asks for a port and a health path of every service that has them.
func (f *folder) checkPortAndHealth() {
	s := f.service
	port, outside, health := s.at("port"), s.at("external_port_default"), s.at("health")
	none := port.given() && port.number() == 0 && f.publishesNothing()
	if !f.known[port.path] && port.number() < 1 && !none {
		f.find("service-port-invalid", port, "is 0, and the service listens on a port")
	}
	if !f.known[outside.path] && outside.given() && outside.number() < 1 && !none {
		f.find("service-external-port-invalid", outside, "is 0")
	}
	if !f.known[health.path] && health.text() == "" && !none && !f.speaksNoHTTP() {
		f.find("service-health-invalid", health, "is missing")
	}
}
