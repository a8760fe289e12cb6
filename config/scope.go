package config

import "slices"

// Scope is what a key of the API lets its holder do. The zero value lets nobody do anything.
type Scope string

// The scopes, from the narrowest to the widest: each holds what is before it.
const (
	ScopeMetrics Scope = "metrics" // read /metrics, and nothing else
	ScopeRead    Scope = "read"    // see extensions, features and metrics
	ScopeOperate Scope = "operate" // see logs; start, stop and switch what is installed
	ScopeAdmin   Scope = "admin"   // install and uninstall: bring a stranger's code to this machine
)

// scopes are in order: each holds all before it.
var scopes = []Scope{ScopeMetrics, ScopeRead, ScopeOperate, ScopeAdmin}

// Scopes lists every scope, the widest first.
func Scopes() []Scope { return []Scope{ScopeAdmin, ScopeOperate, ScopeRead, ScopeMetrics} }

// Allows reports whether a key of this scope may do what asks for needed.
func (s Scope) Allows(needed Scope) bool {
	have, need := slices.Index(scopes, s), slices.Index(scopes, needed)
	return have >= 0 && need >= 0 && have >= need
}
