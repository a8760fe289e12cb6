package security

import (
	"fmt"
	"path/filepath"
	"strings"

	"dreamserver/manifest"
)

// builds is every key of build that stays inside the extension's folder. The others are refused because no row
// names them: they reach the network, the engine, other images or files of the host.
var builds = []row{
	on("services.*.build", build),
	allow("services.*.build.context"),
	allow("services.*.build.dockerfile"),
	allow("services.*.build.target"),
	allow("services.*.build.args.*"),
	on("services.*.build.labels.*", label),
	refuse("services.*.build.network", "build", "local build with a network of its choice reaches the host's"),
	refuse("services.*.build.privileged", "build", "local build with privileged owns the host"),
	refuse("services.*.build.entitlements", "build", "local build with entitlements leaves its sandbox"),
	refuse("services.*.build.additional_contexts", "build", "local build with additional_contexts reads outside the extension's folder"),
	refuse("services.*.build.secrets", "build", "local build with secrets reads files of the host"),
	refuse("services.*.build.ssh", "build", "local build with ssh uses the owner's keys"),
	refuse("services.*.build.extra_hosts", "build", "local build with extra_hosts reaches the host"),
	refuse("services.*.build.cache_from", "build", "local build with cache_from takes layers from others"),
	refuse("services.*.build.cache_to", "build", "local build with cache_to writes outside the extension"),
	refuse("services.*.build.tags", "build", "local build with tags replaces images of others"),
	refuse("services.*.build.dockerfile_inline", "build", "local build without a Dockerfile in the folder cannot be read there"),
	refuse("services.*.build.isolation", "build", "local build with isolation chooses how it is kept apart"),
	refuse("services.*.build.ulimits", "build", "local build with ulimits changes the machine's limits"),
	refuse("services.*.build.shm_size", "build", "local build with shm_size takes the machine's memory"),
}

// build allows a local build from the unit's own folder, with the grant.
func build(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if m == nil {
		return
	}
	ctx := str(m["context"])
	own := under(ctx, c.OwnDir) || c.builtin() && under(ctx, c.InstallDir)
	if !filepath.IsAbs(ctx) || !own {
		c.find("build", at, fmt.Sprintf("local build from %q reads outside the extension's folder", ctx), "put the Dockerfile into the folder and write context: .")
	}
	if why := c.shipped(ctx); own && under(ctx, c.OwnDir) && why != "" {
		c.find("build", at, "local build: "+why, "put the Dockerfile into the folder and write context: .")
	}
	if f := str(m["dockerfile"]); filepath.IsAbs(f) || strings.HasPrefix(filepath.Clean(f), "..") {
		c.find("build", at, fmt.Sprintf("local build with dockerfile %q outside the context", f), "write a name inside the context")
	}
	if c.builtin() || c.Service.Granted(manifest.Build) {
		c.grant(manifest.Build, at, "builds its own image")
		return
	}
	c.find("build-grant", at, "local build runs commands of the extension while it builds", "name build in service.grants of the manifest, or use a published image")
}
