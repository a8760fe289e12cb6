package agent

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/gpu"
	"dreamserver/internal/measure"
	"dreamserver/security"
	"dreamserver/security/policy"
)

// How a call of docker compose ended, as a label.
const (
	composeOK     = "ok"
	composeFailed = "failed"
	composeEnded  = "ended" // by the agent: it took too long, or something turned it off
)

// measures are what Prometheus may ask the agent for: what happened, counted as it happens, and the machine as it is when
// Prometheus asks.
type measures struct {
	registry *prometheus.Registry
	requests *measure.Requests
	compose  *prometheus.CounterVec
	findings *prometheus.CounterVec
	policies *prometheus.CounterVec
	thinking *prometheus.HistogramVec
}

func newMeasures(version string, m machine) *measures {
	registry := measure.NewRegistry(version)
	registry.MustRegister(m)
	make := promauto.With(registry)
	out := &measures{
		registry: registry,
		requests: measure.NewRequests(registry, time.Now),
		compose: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_compose_invocations_total", Help: "Calls of docker compose that ended, by verb and result: ok, failed, or ended by the agent.",
		}, []string{"verb", "result"}),
		findings: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_scan_findings_total", Help: "Findings of the security scan, notes among them, by rule. A check scans every time, a start what has changed.",
		}, []string{"rule"}),
		policies: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_policy_decisions_total", Help: "What the operator's policies said, by plugin, hook and outcome: accepted, changed, rejected, failed or excepted.",
		}, []string{"plugin", "hook", "outcome"}),
		thinking: make.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dream_policy_eval_seconds", Help: "How long the operator's policies took to answer, by plugin.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 20},
		}, []string{"plugin"}),
	}
	for _, verb := range compose.Verbs {
		for _, result := range []string{composeOK, composeFailed, composeEnded} {
			out.compose.WithLabelValues(verb, result) // there from the start, so that a rate can be taken
		}
	}
	return out
}

// composeCalled counts a call of docker compose.
func (m *measures) composeCalled(verb string, err error) {
	result := composeOK
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		result = composeEnded
	default:
		result = composeFailed
	}
	m.compose.WithLabelValues(verb, result).Inc()
}

// scanned counts what a scan found.
func (m *measures) scanned(findings []security.Finding) {
	for _, f := range findings {
		m.findings.WithLabelValues(f.Rule).Inc()
	}
}

// plugged has a counter for whatever each plugin may say, so that a rate can be taken of the first time.
func (m *measures) plugged(plugins []policy.Info) {
	for _, p := range plugins {
		m.thinking.WithLabelValues(p.Name)
		for _, hook := range p.Hooks {
			for _, outcome := range []policy.Outcome{policy.Accepted, policy.Changed, policy.Rejected, policy.Failed, policy.Excepted} {
				m.policies.WithLabelValues(p.Name, string(hook), string(outcome))
			}
		}
	}
}

// decided counts what policies said.
func (m *measures) decided(decisions []policy.Decision) {
	for _, d := range decisions {
		m.policies.WithLabelValues(d.Plugin, string(d.Hook), string(d.Outcome)).Inc()
		m.thinking.WithLabelValues(d.Plugin).Observe(d.Took.Seconds())
	}
}

// locks tells whether policies keep everything from being started.
func (m *measures) locks(locked bool) {
	promauto.With(m.registry).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dream_policy_locked", Help: "1 when a policy could not be loaded, so that nothing is installed, enabled or started; 0 otherwise.",
	}, func() float64 {
		if locked {
			return 1
		}
		return 0
	})
}

// drifts tells what the last comparison has found; nothing before the first.
func (m *measures) drifts(w *driftWatch) { m.registry.MustRegister(driftMetrics{w}) }

type driftMetrics struct{ watch *driftWatch }

var (
	driftDesc     = prometheus.NewDesc("dream_policy_drift_findings", "Differences between the containers that run and what was approved, as the last comparison has found them.", nil, nil)
	driftTimeDesc = prometheus.NewDesc("dream_policy_drift_scan_timestamp_seconds", "When what runs was compared with what was approved for the last time.", nil, nil)
)

func (m driftMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- driftDesc
	to <- driftTimeDesc
}

func (m driftMetrics) Collect(to chan<- prometheus.Metric) {
	r := m.watch.last()
	if r == nil || r.Problem != "" {
		return
	}
	to <- prometheus.MustNewConstMetric(driftDesc, prometheus.GaugeValue, float64(len(r.Findings)))
	to <- prometheus.MustNewConstMetric(driftTimeDesc, prometheus.GaugeValue, float64(r.At.Unix()))
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	measure.Handler(s.measures.registry).ServeHTTP(w, r)
}

// machine tells of the machine's GPUs and disks. It is asked when Prometheus asks, and keeps nothing; what Docker and
// drivers do not answer soon is left out.
type machine struct {
	gpus    *gpu.Reader
	engine  Engine
	dataDir string
}

var (
	gpuDesc            = prometheus.NewDesc("dream_gpu_info", "Always 1; the labels say which GPU the number is.", []string{"gpu", "vendor", "name", "uuid", "driver_version"}, nil)
	gpuMemoryDesc      = prometheus.NewDesc("dream_gpu_memory_bytes", "Memory of the GPU: all of it (total), and what is used.", []string{"gpu", "kind"}, nil)
	gpuUtilizationDesc = prometheus.NewDesc("dream_gpu_utilization_ratio", "How busy the GPU is, from 0 to 1.", []string{"gpu"}, nil)
	gpuTemperatureDesc = prometheus.NewDesc("dream_gpu_temperature_celsius", "Temperature of the GPU.", []string{"gpu"}, nil)
	gpuPowerDesc       = prometheus.NewDesc("dream_gpu_power_watts", "Power that the GPU draws.", []string{"gpu"}, nil)
	diskDesc           = prometheus.NewDesc("dream_disk_bytes", "The file systems of the data directory (data) and of Docker's folder (docker): all of each (total), and what is free.", []string{"disk", "kind"}, nil)
)

func (m machine) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{gpuDesc, gpuMemoryDesc, gpuUtilizationDesc, gpuTemperatureDesc, gpuPowerDesc, diskDesc} {
		to <- d
	}
}

func (m machine) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), hostLimit)
	defer cancel()
	var g sync.WaitGroup
	defer g.Wait()
	g.Go(func() { collectGPUs(to, m.gpus.Read(ctx).Devices) })
	g.Go(func() {
		collectDisk(to, "data", DiskOf(m.dataDir))
		if setup, err := m.engine.Info(ctx); err == nil && setup.Root != "" {
			collectDisk(to, "docker", DiskOf(setup.Root))
		}
	})
}

func collectGPUs(to chan<- prometheus.Metric, devices []gpu.Device) {
	for _, d := range devices {
		number := strconv.Itoa(d.Index)
		clean := func(s string) string { return strings.ToValidUTF8(s, "?") } // a driver says it
		to <- prometheus.MustNewConstMetric(gpuDesc, prometheus.GaugeValue, 1, number, clean(string(d.Vendor)), clean(d.Name), clean(d.UUID), clean(d.DriverVersion))
		for kind, bytes := range map[string]*uint64{"total": d.MemoryTotal, "used": d.MemoryUsed} {
			if bytes != nil {
				to <- prometheus.MustNewConstMetric(gpuMemoryDesc, prometheus.GaugeValue, float64(*bytes), number, kind)
			}
		}
		if d.Utilization != nil {
			to <- prometheus.MustNewConstMetric(gpuUtilizationDesc, prometheus.GaugeValue, *d.Utilization/100, number)
		}
		for desc, value := range map[*prometheus.Desc]*float64{gpuTemperatureDesc: d.Temperature, gpuPowerDesc: d.Power} {
			if value != nil {
				to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, *value, number)
			}
		}
	}
}

// collectDisk leaves out a file system that cannot be asked: the engine's may be on another machine.
func collectDisk(to chan<- prometheus.Metric, name string, d catalog.Disk) {
	if d.Total == 0 {
		return
	}
	to <- prometheus.MustNewConstMetric(diskDesc, prometheus.GaugeValue, float64(d.Total), name, "total")
	to <- prometheus.MustNewConstMetric(diskDesc, prometheus.GaugeValue, float64(d.Free), name, "free")
}
