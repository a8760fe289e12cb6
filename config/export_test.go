package config

// WithRevision is tested without a build.
var WithRevision = withRevision

// Extend is SetEnv without the file.
var Extend = extend

// Edit is UpdateEnv without the file.
var Edit = edit
