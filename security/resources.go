package security

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var resources = []row{
	on("services.*", limited),
	on("services.*.scale", replicas),
	on("services.*.deploy.replicas", replicas),
	allow("services.*.deploy.resources.limits.cpus"),
	allow("services.*.deploy.resources.limits.memory"),
	allow("services.*.deploy.resources.limits.pids"),
	allow("services.*.deploy.resources.reservations.cpus"),
	allow("services.*.deploy.resources.reservations.memory"),
	allow("services.*.cpus"),
	allow("services.*.cpuset"),
	allow("services.*.cpu_count"),
	allow("services.*.cpu_percent"),
	allow("services.*.cpu_period"),
	allow("services.*.cpu_quota"),
	allow("services.*.cpu_shares"),
	allow("services.*.mem_limit"),
	allow("services.*.mem_reservation"),
	allow("services.*.mem_swappiness"),
	allow("services.*.memswap_limit"),
	allow("services.*.pids_limit"),
	allow("services.*.shm_size"),
	on("services.*.oom_score_adj", oomScore),
	on("services.*.ulimits.*", ulimit),
	allow("services.*.ulimits.*.single"),
	allow("services.*.ulimits.*.soft"),
	allow("services.*.ulimits.*.hard"),
	refuse("services.*.oom_kill_disable", "oom", "oom_kill_disable lets the container exhaust the host's memory"),
	refuse("services.*.cpu_rt_period", "realtime", "realtime scheduling can stop the machine"),
	refuse("services.*.cpu_rt_runtime", "realtime", "realtime scheduling can stop the machine"),
	refuse("services.*.blkio_config", "blkio", "blkio_config names devices of the host"),
	refuse("services.*.storage_opt", "storage", "storage_opt changes how the engine keeps the container"),
}

// maxReplicas bounds how many containers one service may become: each takes an address of the shared network.
const maxReplicas = 8

// replicas refuses a service that would flood the machine with containers.
func replicas(c *scan, at path, v any) {
	if n, err := strconv.Atoi(fmt.Sprint(v)); err == nil && n > maxReplicas {
		c.find("replicas", at, fmt.Sprintf("%d replicas would flood this machine with containers", n), fmt.Sprintf("write at most %d", maxReplicas))
	}
}

// oomScore refuses a service that asks the kernel to end others before it when memory runs out.
func oomScore(c *scan, at path, v any) {
	if strings.HasPrefix(fmt.Sprint(v), "-") {
		c.find("oom", at, "a negative oom_score_adj makes the kernel end other programs first", "remove oom_score_adj")
	}
}

// safeUlimits bound what the container itself uses.
var safeUlimits = []string{"fsize", "memlock", "nofile", "nproc", "stack"}

func ulimit(c *scan, at path, _ any) {
	if !slices.Contains(safeUlimits, at.last()) {
		c.find("ulimits", at, fmt.Sprintf("ulimit %s is not one of those that an extension may set", at.last()),
			"remove it; allowed are "+strings.Join(safeUlimits, ", "))
	}
}

// limited notes a service that may take all memory of the machine.
func limited(c *scan, at path, v any) {
	s, _ := v.(map[string]any)
	deploy, _ := s["deploy"].(map[string]any)
	resources, _ := deploy["resources"].(map[string]any)
	limits, _ := resources["limits"].(map[string]any)
	if s["mem_limit"] == nil && limits["memory"] == nil {
		c.note("no-limits", at, "has no memory limit: it may take all memory of this machine", "add deploy.resources.limits.memory")
	}
}

func quote(v any) string { return strconv.Quote(str(v)) }
