package audit

import (
	_ "embed"
	"strings"
	"sync"

	"dreamserver/manifest"
)

// checkFeatures looks at what people are shown of the extension.
func (f *folder) checkFeatures(t *tables) {
	f.checkIcon(f.service.at("sidebar_icon"))
	for _, v := range f.features() {
		for _, key := range []string{"id", "name", "description", "category", "priority"} {
			if field := v.at(key); field.blank() && !f.known[field.path] {
				f.find("feature-field-missing", field, "is missing")
			}
		}
		if icon := v.at("icon"); icon.blank() {
			f.find("feature-icon-missing", icon, "is missing")
		} else {
			f.checkIcon(icon)
		}
		id := v.at("id")
		if others := t.features.others(id.text(), f.id); len(others) > 0 && !id.blank() {
			f.find("feature-id-collision", id, "%s is a feature of %s, too", quote(id.text()), strings.Join(others, ", "))
		}
		if needs := v.at("requirements"); !needs.given() {
			f.find("feature-requirements-missing", needs, "is missing")
		} else {
			if !needs.at("services").given() && !needs.at("services_all").given() && !needs.at("services_any").given() {
				f.find("feature-requirements-missing", needs.at("services"), "is missing")
			}
			if gb := needs.at("vram_gb"); !gb.given() {
				f.find("feature-requirements-missing", gb, "is missing: write 0 for none")
			}
		}
		if v.at("setup_time").blank() {
			f.find("feature-setup-time-missing", v.at("setup_time"), "is missing")
		}
		f.checkReferences(t, v)
	}
}

// checkReferences looks for the services that a feature names.
func (f *folder) checkReferences(t *tables, feature value) {
	needs := feature.at("requirements")
	for _, list := range []value{
		needs.at("services"), needs.at("services_all"), needs.at("services_any"), feature.at("enabled_services_all"), feature.at("enabled_services_any"),
	} {
		for _, v := range list.texts() {
			if id := v.text(); manifest.ValidID(id) && !t.ids[id] {
				f.find("feature-service-reference-invalid", v, "%s is no extension", quote(id))
			}
		}
	}
}

func (f *folder) checkIcon(icon value) {
	if name := icon.text(); name != "" && !icons()[name] {
		f.find("icon-unknown", icon, "%s is none of lucide.dev", quote(name))
	}
}

// iconNames are the icons of lucide.dev, version 1.62.0, as its React library names them, with those that go by a newer
// name now. To renew it: the names of the files in icons/ of the npm package lucide-static, each word capitalized.
//
//go:embed icons.txt
var iconNames string

var icons = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for name := range strings.FieldsSeq(iconNames) {
		known[name] = true
	}
	return known
})
