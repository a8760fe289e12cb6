package manifest

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// CheckCompatible reports whether the extension was made for this version of the platform. Both ends of its
// range are inclusive. A bound may leave out its last parts ("2.1", "2.1.x"): below it then means 2.1.0, above
// it any 2.1. Pre-releases and build numbers do not count: 2.1.0-dev already has what 2.1.0 will have.
//
// A version that is no version (dev, (devel), empty), or is below 1.0.0, is a development build without
// a number; nothing is refused there.
func (m *Manifest) CheckCompatible(version string) error {
	v, err := semver.NewVersion(version)
	if err != nil || v.Major() == 0 {
		return nil //nolint:nilerr // a development build: see above
	}
	core := *semver.New(v.Major(), v.Minor(), v.Patch(), "", "")
	id := m.Service.ID
	if c := m.Compatibility.DreamMin; c != "" {
		lowest, err := parseBound(c)
		if err != nil {
			return fmt.Errorf("extension %q: compatibility.dream_min: %w", id, err)
		}
		if core.LessThan(&lowest.version) {
			return fmt.Errorf("extension %q needs Dream Server %s or newer, and this is %s: update Dream Server first", id, c, version)
		}
	}
	if c := m.Compatibility.DreamMax; c != "" {
		highest, err := parseBound(c)
		if err != nil {
			return fmt.Errorf("extension %q: compatibility.dream_max: %w", id, err)
		}
		if highest.below(core) {
			return fmt.Errorf("extension %q was made for Dream Server up to %s, and this is %s: look for a newer version of the extension", id, c, version)
		}
	}
	return nil
}

// bound is one end of a range of versions.
type bound struct {
	version semver.Version
	parts   int // how many of major, minor and patch it names
}

// parseBound reads "2", "2.1", "2.1.x", "2.1.0" and "v2.1.0-rc1". What is left out is 0.
func parseBound(s string) (bound, error) {
	text, _, _ := strings.Cut(strings.TrimPrefix(s, "v"), "+")
	text, _, _ = strings.Cut(text, "-")
	parts := strings.Split(text, ".")
	for len(parts) > 1 && strings.Contains("xX*", parts[len(parts)-1]) && parts[len(parts)-1] != "" {
		parts = parts[:len(parts)-1]
	}
	v, err := semver.NewVersion(strings.Join(parts, "."))
	if err != nil {
		return bound{}, fmt.Errorf("%s is not a version: write one such as 2.1.0", quote(s))
	}
	return bound{version: *v, parts: len(parts)}, nil
}

// below reports whether v is above everything that the bound names.
func (b bound) below(v semver.Version) bool {
	switch {
	case v.Major() != b.version.Major():
		return v.Major() > b.version.Major()
	case b.parts > 1 && v.Minor() != b.version.Minor():
		return v.Minor() > b.version.Minor()
	case b.parts > 2:
		return v.Patch() > b.version.Patch()
	}
	return false
}
