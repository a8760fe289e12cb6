package config

import (
	"runtime/debug"
	"strings"
	"sync"
)

// version is set by releases: -ldflags "-X dreamserver/config.version=2.1.0".
var version = "2.1.0-dev"

// Version is the version of this build, as semver. A build from a checkout names the commit too:
// 2.1.0-dev+0123456789ab, with .dirty behind it when files were changed.
func Version() string { return buildVersion() }

var buildVersion = sync.OnceValue(func() string {
	if !strings.HasSuffix(version, "-dev") {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	return withRevision(version, info.Settings)
})

func withRevision(version string, settings []debug.BuildSetting) string {
	var revision, dirty string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ".dirty"
		}
	}
	if revision == "" {
		return version
	}
	return version + "+" + revision + dirty
}
