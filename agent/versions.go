package agent

import (
	"sync"

	"github.com/rs/zerolog"
)

// versionLog says once for each version of a caller that it differs from the agent's. The caller says the same to
// its user. The zero value is ready.
type versionLog struct {
	mu   sync.Mutex
	said map[string]bool
}

const maxVersions = 100 // a caller can send any text

func (l *versionLog) compare(log zerolog.Logger, theirs, ours string) {
	if theirs == "" || theirs == ours {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said[theirs] || len(l.said) >= maxVersions {
		return
	}
	if l.said == nil {
		l.said = map[string]bool{}
	}
	l.said[theirs] = true
	log.Warn().Str("caller", theirs).Str("agent", ours).Msg("versions differ: run make run to update both")
}
