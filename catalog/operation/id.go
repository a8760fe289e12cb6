package operation

import (
	"regexp"

	"github.com/google/uuid"
)

var validID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// NewID is a UUID of version 7 (RFC 9562): ids of one machine sort by time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// ValidID reports whether id can be that of an operation.
func ValidID(id string) bool { return validID.MatchString(id) }
