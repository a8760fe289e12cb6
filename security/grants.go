package security

import (
	"fmt"
	"slices"
	"strings"

	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// grantRule is the beginning of the rules of notes that say which grant is used.
const grantRule = "grant-"

// grant notes that the extension uses something that the owner gives it.
func (c *scan) grant(g manifest.Grant, at path, what string) {
	c.note(grantRule+string(g), at, what, "nothing: the grant "+string(g)+" allows it")
}

// Grants are the grants that the findings show to be used, in the order of [manifest.Grants].
func Grants(findings []Finding) []manifest.Grant {
	used := []manifest.Grant{}
	for _, g := range manifest.Grants() {
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == grantRule+string(g) }) {
			used = append(used, g)
		}
	}
	return used
}

// IsGrant reports whether the finding says that a grant is used, and no more.
func (f Finding) IsGrant() bool { return f.Severity == Note && strings.HasPrefix(f.Rule, grantRule) }

// Asked are the grants among them that the owner must give explicitly. gpu is implied by gpu_backends, which the
// owner has seen.
func Asked(grants []manifest.Grant) []manifest.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g manifest.Grant) bool { return g == manifest.GPU })
}

// GrantsRequired is the refusal that asks the owner, naming what each grant allows and how to give it.
func GrantsRequired(id string, needed []manifest.Grant, changed bool) error {
	why, how := "asks for what no extension has by itself", "dream install"
	if changed {
		why, how = "has changed since its grants were given, and asks again", fmt.Sprintf("dream disable %[1]s && dream uninstall %[1]s && dream install", id)
	}
	var text strings.Builder
	for _, g := range needed {
		fmt.Fprintf(&text, "\n%s: may %s", g, g.Meaning())
	}
	words := strings.ReplaceAll(manifest.JoinGrants(needed), ", ", ",")
	return problem.Newf(problem.GrantsRequired, "extension %q %s:%s\nTo give them: %s %s --grant %s, or POST …/install?grants=%s",
		id, why, text.String(), how, id, words, words).With(GrantItems(needed)...)
}

// GrantItems are the grants as a refusal lists them.
func GrantItems(needed []manifest.Grant) []problem.Item {
	var items []problem.Item
	for _, g := range needed {
		items = append(items, problem.Item{
			Rule: "grant-" + string(g), Severity: Error, Path: "service.grants", Message: "may " + g.Meaning(), Fix: "give the grant " + string(g) + ", or do not install it",
		})
	}
	return items
}
