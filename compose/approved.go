package compose

import (
	"context"
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"
)

// Decode reads what [Encode] has written.
func Decode(ctx context.Context, data []byte) (*types.Project, error) {
	u, err := Load(ctx, Input{ID: "approved", Source: Owner, Base: true, Files: []File{{Name: "approved.yaml", Content: data}}})
	if err != nil {
		return nil, fmt.Errorf("decode project: %w", err)
	}
	return u.Project, nil
}
