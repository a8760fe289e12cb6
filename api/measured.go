package api

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"dreamserver/catalog/operation"
	"dreamserver/internal/measure"
)

// changesMeasured counts operations, whoever makes them: this API, the command line, or the agent that finishes one.
type changesMeasured struct {
	ended      *prometheus.CounterVec
	took       *prometheus.HistogramVec
	inProgress *prometheus.GaugeVec

	mu      sync.Mutex
	running map[string]bool // by id
}

// operationResults are the states in which an operation ends.
var operationResults = []operation.State{operation.Succeeded, operation.Failed, operation.Cancelled}

func newChangesMeasured(make promauto.Factory) *changesMeasured {
	c := &changesMeasured{
		running: map[string]bool{},
		ended: make.NewCounterVec(prometheus.CounterOpts{
			Name: "dream_operations_total", Help: "Changes of extensions that ended, by kind and result: succeeded, failed or cancelled. What is refused before it begins is no operation.",
		}, []string{"kind", "result"}),
		took: make.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dream_operation_duration_seconds", Help: "Time from the begin of a change of an extension to its end, whatever its result.", Buckets: measure.ChangeBuckets,
		}, []string{"kind"}),
		inProgress: make.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dream_operations_in_progress", Help: "Changes of extensions that are being made now.",
		}, []string{"kind"}),
	}
	for _, kind := range operation.Kinds() { // there from the start, so that a rate can be taken of the first one
		c.took.WithLabelValues(string(kind))
		c.inProgress.WithLabelValues(string(kind))
		for _, result := range operationResults {
			c.ended.WithLabelValues(string(kind), string(result))
		}
	}
	return c
}

// observe takes an operation when it begins, goes on, and ends.
func (c *changesMeasured) observe(o operation.Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := string(o.Kind)
	switch {
	case o.Kind.Participle() == "": // somebody else's record
		return
	case o.State == operation.Running && !c.running[o.ID]:
		c.running[o.ID] = true
		c.inProgress.WithLabelValues(kind).Inc()
	case o.State != operation.Running && c.running[o.ID]:
		delete(c.running, o.ID)
		c.inProgress.WithLabelValues(kind).Dec()
	}
	if o.State.Ended() {
		c.ended.WithLabelValues(kind, string(o.State)).Inc()
		c.took.WithLabelValues(kind).Observe(max(0, o.Ended.Sub(o.Started).Seconds())) // anybody who can write a record can write its times
	}
}
