package gpu

import (
	"context"
	"time"
)

// NewReaderOf is a reader without a machine, with a clock.
func NewReaderOf(look func(context.Context) Facts, now func() time.Time) *Reader {
	return newReader(look, now)
}
