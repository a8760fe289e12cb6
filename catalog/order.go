package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dreamserver/catalog/operation"
	"dreamserver/manifest"
)

// Order is a change that somebody asks for.
type Order struct {
	Kind operation.Kind
	ID   string // of the extension

	Plan             string // install, enable, start: the hash of the plan that is to be carried out; empty for whatever there is
	Given            Given  // install
	WithDependencies bool   // enable: what it needs is enabled first, and installed if need be
	Forget           bool   // uninstall: its values in .env go, but for those that another installed extension reads

	parent string          // the operation that this one is part of
	key    string          // of a retry
	begun  func(id string) // is told the operation
}

// Given is what an owner gives an extension with its install.
type Given struct {
	Grants []manifest.Grant
	Values map[string]string // of variables that its manifest declares
}

// Do makes a change and waits for its end. When ctx ends, a change that turns something on is cancelled.
func (m *Manager) Do(ctx context.Context, o Order) (Result, error) {
	if o.Plan != "" {
		if err := CheckPlanHash(o.Plan); err != nil {
			return Result{}, err
		}
	}
	var check func(*Snapshot, Entry) error
	var do func(context.Context, *task) (Result, error)
	switch o.Kind {
	case operation.Install:
		check, do = m.checkInstall, m.install
	case operation.Enable:
		check, do = m.checkEnable, m.enable
		if o.WithDependencies {
			check = m.checkSwitchOnAll
		}
	case operation.Disable:
		check, do = m.checkDisable, m.disable
	case operation.Uninstall:
		check, do = m.checkUninstall, m.uninstall
	case operation.Start:
		check, do = checkRun, m.start
	case operation.Restart:
		check, do = checkRun, m.restart
	case operation.Stop:
		check, do = checkInstalled, m.stop
	default:
		return Result{}, fmt.Errorf("no change is called %q", o.Kind)
	}
	ctx, t, err := m.begin(ctx, o, check)
	if err != nil {
		return Result{}, err
	}
	r, err := do(ctx, t)
	return m.end(ctx, t, r, err)
}

// Install copies an extension from the library, enabled, and starts it.
func (m *Manager) Install(ctx context.Context, id string, given Given) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Install, ID: id, Given: given})
}

// Enable switches an installed or built-in extension on and starts it. With withDependencies, what it needs is
// enabled first, and installed if need be; otherwise a missing dependency is refused by name.
func (m *Manager) Enable(ctx context.Context, id string, withDependencies bool) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Enable, ID: id, WithDependencies: withDependencies})
}

// Disable stops an extension and switches it off.
func (m *Manager) Disable(ctx context.Context, id string) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Disable, ID: id})
}

// Uninstall removes a disabled extension's folder and its containers. Its data stays, and its values in .env do, so that
// a new install goes on where it was; with forget they go, but for those that another installed extension reads.
func (m *Manager) Uninstall(ctx context.Context, id string, forget bool) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Uninstall, ID: id, Forget: forget})
}

// Start starts an enabled extension.
func (m *Manager) Start(ctx context.Context, id string) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Start, ID: id})
}

// Restart stops an enabled extension and starts it again with its present configuration.
func (m *Manager) Restart(ctx context.Context, id string) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Restart, ID: id})
}

// Stop stops an extension's containers; it stays enabled. A start in progress is ended: that is the way out of
// one that waits for a healthcheck that never comes.
func (m *Manager) Stop(ctx context.Context, id string) (Result, error) {
	return m.Do(ctx, Order{Kind: operation.Stop, ID: id})
}

// Submit begins a change that goes on in the background, whoever goes away, until it ends or [Manager.Cancel] ends it.
// What can be refused at once is. With a key, the same order of the same actor with the same key is the same operation,
// for as long as its record is kept.
func (m *Manager) Submit(ctx context.Context, o Order, key string) (operation.Operation, error) {
	if key != "" {
		m.submitting.Lock() // two retries at once must not both begin
		defer m.submitting.Unlock()
		o.key = digest(Actor(ctx), key)
		id, err := m.history.Retried(o.key, o.digest())
		if err != nil {
			return operation.Operation{}, err
		}
		if id != "" {
			return m.history.Get(id)
		}
	}
	begun, ended := make(chan string, 1), make(chan error, 1)
	o.begun = func(id string) { begun <- id }
	ctx = context.WithoutCancel(ctx)
	m.background.Go(func() {
		_, err := m.Do(ctx, o)
		ended <- err
	})
	select {
	case id := <-begun:
		return m.history.Get(id)
	case err := <-ended:
		select {
		case id := <-begun: // it was quick
			return m.history.Get(id)
		default:
		}
		return operation.Operation{}, errors.Join(err) // refused before it began
	}
}

// digest is of the order without its values, which may be secrets: a retry does not change them.
func (o Order) digest() string {
	data, _ := json.Marshal([]any{o.Kind, o.ID, o.Given.Grants, slices.Sorted(maps.Keys(o.Given.Values)), o.WithDependencies, o.Forget, o.Plan})
	return digest(string(data))
}

func digest(parts ...string) string {
	data, _ := json.Marshal(parts)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Outcome waits for the end of an operation that [Manager.Submit] began, and returns what it came to.
func (m *Manager) Outcome(ctx context.Context, id string) (Result, error) {
	return m.history.Outcome(ctx, id)
}

// Wait waits until every change that was submitted has ended, at most until ctx ends.
func (m *Manager) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		m.background.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
