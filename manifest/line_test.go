package manifest_test

import (
	"testing"
	"testing/fstest"

	"dreamserver/manifest"
)

func TestLine(t *testing.T) {
	fsys := fstest.MapFS{
		"web/manifest.yaml": {Data: []byte("# A service.\nschema_version: dream.services.v1\nservice: &s\n  id: web\n  aliases: [w,\n    x]\n  env_vars:\n" +
			"    - key: A\n      default: a\n    - default: b\n      key: B\nagain: *s\n")},
		"json/manifest.json": {Data: []byte("{\n\"service\": {\n\"id\": \"json\"}}\n")},
		"bad/manifest.yaml":  {Data: []byte("service: [\n")},
		"empty/compose.yaml": {},
	}
	for _, tc := range []struct {
		dir, key string
		want     int
	}{
		{"web", "schema_version", 2},
		{"web", "service.id", 4},
		{"web", "service.aliases.1", 6},
		{"web", "service.env_vars.1.key", 11},
		{"web", "service.env_vars.7.key", 7},
		{"web", "service.category", 3},
		{"web", "service.id.deeper", 4},
		{"web", "again.id", 4},
		{"web", "compatibility.dream_min", 2},
		{"web", "", 2},
		{"json", "service.id", 3},
		{"bad", "service.id", 0},
		{"empty", "service.id", 0},
		{"nowhere", "service.id", 0},
	} {
		if got := manifest.Line(fsys, tc.dir, tc.key); got != tc.want {
			t.Errorf("%s: %s is on line %d, want %d", tc.dir, tc.key, got, tc.want)
		}
	}
}
