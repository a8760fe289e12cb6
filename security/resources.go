package security

import (
	"fmt"
	"strconv"
)

// maxReplicas bounds how many containers one service may become: each takes an address of the shared network.
const maxReplicas = 8

// replicas refuses a service that would flood the machine with containers.
func replicas(c *scan, at path, v any) {
	if n, err := strconv.Atoi(fmt.Sprint(v)); err == nil && n > maxReplicas {
		c.find("replicas", at, fmt.Sprintf("%d replicas would flood this machine with containers", n), fmt.Sprintf("write at most %d", maxReplicas))
	}
}
