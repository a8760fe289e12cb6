package api

import (
	"context"
	"net/http"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// The kinds of operations, as a label.
const (
	opInstall   = "install"
	opEnable    = "enable"
	opDisable   = "disable"
	opUninstall = "uninstall"
	opStart     = "start"
	opStop      = "stop"
	opRestart   = "restart"
	opConfigure = "configure"
)

var operationKinds = []string{opInstall, opEnable, opDisable, opUninstall, opStart, opStop, opRestart, opConfigure}

// How an operation ended, as a label.
const (
	opDone    = "done"
	opPending = "pending" // the files are changed, and the host agent is away
	opRefused = "refused" // before anything was done: the request or the state does not allow it
	opFailed  = "failed"
)

var operationResults = []string{opDone, opPending, opRefused, opFailed}

func (m *measures) operationStarted(kind string) { m.inProgress.WithLabelValues(kind).Inc() }

func (m *measures) operationEnded(kind, result string, took time.Duration) {
	m.inProgress.WithLabelValues(kind).Dec()
	m.operations.WithLabelValues(kind, result).Inc()
	m.operationTime.WithLabelValues(kind).Observe(took.Seconds())
}

// count runs one operation and counts it, one that panics, too.
func count[T any](m *measures, kind string, pending func(T) bool, do func() (T, error)) (T, error) {
	began, result := m.now(), opFailed
	m.operationStarted(kind)
	defer func() { m.operationEnded(kind, result, m.now().Sub(began)) }()
	done, err := do()
	switch {
	case err != nil && problem.As(err).Code.Status() < http.StatusInternalServerError:
		result = opRefused
	case err != nil:
	case pending(done):
		result = opPending
	default:
		result = opDone
	}
	return done, err
}

// measured counts the changes that are asked for.
type measured struct {
	Extensions
	measures *measures
}

func (m measured) change(kind string, do func() (catalog.Result, error)) (catalog.Result, error) {
	return count(m.measures, kind, func(r catalog.Result) bool { return r.RestartRequired }, do)
}

func (m measured) Install(ctx context.Context, id string, given catalog.Given) (catalog.Result, error) {
	return m.change(opInstall, func() (catalog.Result, error) { return m.Extensions.Install(ctx, id, given) })
}

func (m measured) Enable(ctx context.Context, id string, withDependencies bool) (catalog.Result, error) {
	return m.change(opEnable, func() (catalog.Result, error) { return m.Extensions.Enable(ctx, id, withDependencies) })
}

func (m measured) Disable(ctx context.Context, id string) (catalog.Result, error) {
	return m.change(opDisable, func() (catalog.Result, error) { return m.Extensions.Disable(ctx, id) })
}

func (m measured) Uninstall(ctx context.Context, id string, forget bool) (catalog.Result, error) {
	return m.change(opUninstall, func() (catalog.Result, error) { return m.Extensions.Uninstall(ctx, id, forget) })
}

func (m measured) Start(ctx context.Context, id string) (catalog.Result, error) {
	return m.change(opStart, func() (catalog.Result, error) { return m.Extensions.Start(ctx, id) })
}

func (m measured) Stop(ctx context.Context, id string) (catalog.Result, error) {
	return m.change(opStop, func() (catalog.Result, error) { return m.Extensions.Stop(ctx, id) })
}

func (m measured) Restart(ctx context.Context, id string) (catalog.Result, error) {
	return m.change(opRestart, func() (catalog.Result, error) { return m.Extensions.Restart(ctx, id) })
}

func (m measured) Configure(ctx context.Context, id string, change catalog.ConfigChange, restart bool) (catalog.ConfigResult, error) {
	return count(m.measures, opConfigure, func(catalog.ConfigResult) bool { return false }, func() (catalog.ConfigResult, error) {
		return m.Extensions.Configure(ctx, id, change, restart)
	})
}
