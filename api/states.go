package api

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/manifest"
)

// states tells the snapshot to Prometheus. It is read when Prometheus asks, and nothing of it is kept: what is gone from
// the snapshot is gone from the metrics.
type states struct{ extensions Extensions }

// What the labels called state may be. An extension that is enabled is in the state of its containers.
var (
	containerStates = []string{"running", "starting", "partial", "failed", "stopped", "not_deployed", "unknown"}
	statuses        = []catalog.Status{catalog.Enabled, catalog.Disabled, catalog.NotInstalled, catalog.Incompatible}
	sources         = []catalog.Source{catalog.FromCore, catalog.FromUser, catalog.FromLibrary}
)

var (
	extensionsDesc = desc("dream_extensions", "Extensions by state: what the containers of an enabled one do, else disabled, not_installed or incompatible. "+
		"Each is in one state.", "state")
	entriesDesc = desc("dream_catalog_entries", "Extensions by where they come from (core, user, library) and their status in the catalogue.", "source", "state")
	upDesc      = desc("dream_extension_up", "1 when an enabled extension runs, or starts, and is not unwell; 0 otherwise. Others, and those that are made for other GPUs, have none.", "extension")
	healthyDesc = desc("dream_service_healthy", "1 when the service of an enabled extension is healthy, 0 when it is unhealthy, degraded, starting, down or not deployed. "+
		"Where nobody can tell there is none.", "service")
	probeDesc  = desc("dream_service_probe_seconds", "How long the service took to answer its last probe. One that did not answer has none.", "service")
	agentDesc  = desc("dream_agent_up", "1 when the host agent answers the API, 0 otherwise.")
	dockerDesc = desc("dream_docker_up", "1 when the host agent answers and reaches the Docker Engine, 0 otherwise.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func (s states) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{extensionsDesc, entriesDesc, upDesc, healthyDesc, probeDesc, agentDesc, dockerDesc} {
		to <- d
	}
}

func (s states) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	snapshot := s.extensions.Snapshot()
	gauge(agentDesc, truth(snapshot.Agent.Available))
	gauge(dockerDesc, truth(snapshot.Agent.Available && snapshot.Agent.Docker == ""))

	type entry struct {
		source catalog.Source
		status catalog.Status
	}
	extensions, entries := map[string]int{}, map[entry]int{}
	for _, e := range snapshot.Entries {
		entries[entry{e.Source, e.Status}]++
		if e.Status != catalog.Enabled {
			extensions[string(e.Status)]++
			continue
		}
		extensions[e.Runtime.State]++
		if e.Category == string(manifest.Core) || e.RunsOn(snapshot.GPUBackend) {
			gauge(upDesc, truth(e.Runtime.Up()), e.ID)
		}
		if e.Runtime.Health != "" && e.Runtime.Health != string(health.Unknown) {
			gauge(healthyDesc, truth(e.Runtime.Health == string(health.Healthy)), e.ID)
		}
	}
	for _, state := range slices.Concat(containerStates, []string{string(catalog.Disabled), string(catalog.NotInstalled), string(catalog.Incompatible)}) {
		gauge(extensionsDesc, float64(extensions[state]), state)
	}
	for _, source := range sources {
		for _, status := range statuses {
			gauge(entriesDesc, float64(entries[entry{source, status}]), string(source), string(status))
		}
	}
	for id, took := range s.extensions.ProbeTimes() {
		gauge(probeDesc, took.Seconds(), id)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
