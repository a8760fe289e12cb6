package compose

import (
	"context"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
)

const labelNetwork = "com.docker.compose.network"

// RemoveNetworks removes the project's networks whose key in the model begins with prefix, such as "web.", but for
// those that a container still uses. docker compose removes networks only with the whole project.
func (e *Engine) RemoveNetworks(ctx context.Context, prefix string) error {
	list, err := e.docker.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelProject+"="+e.project))})
	if err != nil {
		return e.unavailable(err)
	}
	for _, n := range list {
		if !strings.HasPrefix(n.Labels[labelNetwork], prefix) {
			continue
		}
		err := e.docker.NetworkRemove(ctx, n.ID)
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsPermissionDenied(err) && !errdefs.IsConflict(err) { // the last two: in use
			return e.unavailable(err)
		}
	}
	return nil
}
