package config

// WithRevision is tested without a build.
var WithRevision = withRevision
