package agent

// Admits is tested without users.
var Admits = admits
