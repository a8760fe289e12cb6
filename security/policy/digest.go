package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest is of the config as it was loaded, and of the plugins: while it is the same, so are the policies, but for what a
// server does.
func (e *Engine) Digest() string {
	data, err := json.Marshal([]any{e.source, e.Plugins()})
	if err != nil {
		return "" // an Info is texts
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
