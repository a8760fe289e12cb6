package catalog

import (
	"time"

	"dreamserver/catalog/operation"
	"dreamserver/manifest"
	"dreamserver/security/policy"
)

// AuditEntry is one line of the host agent's audit log: who changed what, with which result.
type AuditEntry struct {
	Time time.Time `json:"time"` // when the result was known, in UTC
	// Actor is who asked, as the caller says it; "agent" when the agent finished what was left undone.
	Actor string `json:"actor"`
	// Peer is who asked, as the kernel says it: "uid 1000" over the socket, "tcp" over TCP, where it does not say,
	// and empty for the agent itself.
	Peer string `json:"peer,omitempty"`
	// Op is a verb (start, stop, restart, remove, enable, disable, configure, up, down), a check that refused an extension, or
	// what was refused to somebody who may not ask: connect, authorize.
	Op string `json:"op"`
	// Change is what the verb was part of, as the caller says it, where that is something else: the start of an install.
	Change    operation.Kind `json:"change,omitempty"`
	Extension string         `json:"extension,omitempty"`
	Result    string         `json:"result"`           // "ok", or the code of the refusal or failure
	Detail    string         `json:"detail,omitempty"` // the same in words, without secrets
	Duration  int64          `json:"duration_ms"`

	Keys   []string         `json:"keys,omitempty"`   // variables that were changed; never their values
	Grants []manifest.Grant `json:"grants,omitempty"` // that the extension uses
	Digest string           `json:"digest,omitempty"` // of the extension's files, as judged
	// Override is the digest of the owner's docker-compose.override.yml, which was merged over them.
	Override string `json:"override,omitempty"`
	// Policies are what the operator's plugins changed, rejected or could not decide.
	Policies []policy.Decision `json:"policies,omitempty"`
}
