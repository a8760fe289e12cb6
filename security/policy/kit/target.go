// Package kit is what authors of policies test theirs with: ask one about one question, hold it against cases that are kept
// beside it, and against what every plugin has to do. It runs programs as whoever tests, and is no part of the agent.
//
//	target.go       what is tested: a plugin by name, path or address, or a file of rules
//	case.go         cases in files, and what is expected of them
//	junit.go        the same for CI
//	conformance.go  what every plugin has to do, and how it is asked; checks.go has each check
//	sample.go       questions for it
package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dreamserver/security/policy"
)

// Target is a plugin that is tested, or all rules of a file, one after the other.
type Target struct {
	Name    string
	plugins []policy.Plugin // more than one for rules alone
	config  json.RawMessage
	timeout time.Duration
}

// Options are what a target is found with.
type Options struct {
	// Installed is the config of an installation, whose plugins and rules are known by name; empty without one.
	Installed policy.Config
	Sources   policy.Sources
	// Dir is what a relative path begins at; empty for the working folder.
	Dir string
	// Config is given to the plugin in place of what the installation has; nil for that.
	Config json.RawMessage
	// Timeout bounds one answer; 0 for what the agent allows.
	Timeout time.Duration
}

// How long the agent waits where its config says nothing else; dstack's for a server.
const (
	callTime = 2 * time.Second
	restTime = 8 * time.Second
)

// Find finds what is to be tested: the address of a server, the path of a program (with a slash in it) or of a file of rules
// (.yaml or .yml), a plugin or rule of the installation's config, or the name of one that is compiled in.
func Find(name string, o Options) (*Target, error) {
	switch {
	case strings.Contains(name, "://"):
		return o.open(policy.PluginConfig{Name: "server", URL: name})
	case strings.HasSuffix(name, ".yaml"), strings.HasSuffix(name, ".yml"):
		return o.rules(o.path(name))
	case strings.ContainsRune(name, filepath.Separator):
		path := o.path(name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "run")
		}
		return o.open(policy.PluginConfig{Name: filepath.Base(name), Exec: []string{path}})
	}
	if i := slices.IndexFunc(o.Installed.Rules, func(r policy.RuleConfig) bool { return r.Name == name }); i >= 0 {
		made, err := policy.OpenRules(o.Installed.Rules[i : i+1])
		return &Target{Name: name, plugins: made, timeout: o.time("cel", 0)}, err
	}
	if i := slices.IndexFunc(o.Installed.Plugins, func(p policy.PluginConfig) bool { return p.Name == name }); i >= 0 {
		return o.open(o.Installed.Plugins[i])
	}
	return o.open(policy.PluginConfig{Name: name})
}

// path is absolute.
func (o Options) path(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(o.Dir, name)
	}
	abs, err := filepath.Abs(name)
	if err != nil { // the working folder is gone: the path cannot be opened either
		return name
	}
	return abs
}

func (o Options) time(transport string, own time.Duration) time.Duration {
	switch {
	case o.Timeout > 0:
		return o.Timeout
	case own > 0:
		return own
	case transport == "http":
		return restTime
	}
	return callTime
}

func (o Options) open(c policy.PluginConfig) (*Target, error) {
	if o.Config != nil {
		c.Config = o.Config
	}
	p, err := policy.Open(c, o.Sources)
	if err != nil {
		return nil, err
	}
	return &Target{Name: c.Name, plugins: []policy.Plugin{p}, config: c.Config, timeout: o.time(p.Info().Transport, c.Timeout)}, nil
}

// rules are those of a file that looks as the config does.
func (o Options) rules(file string) (*Target, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c, err := policy.ParseConfig(data)
	if err == nil && len(c.Rules) == 0 {
		err = errors.New("it has no rules")
	}
	var made []policy.Plugin
	if err == nil {
		made, err = policy.OpenRules(c.Rules)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, errors.New(strings.TrimPrefix(err.Error(), policy.ConfigFile+":")))
	}
	return &Target{Name: filepath.Base(file), plugins: made, timeout: o.time("cel", 0)}, nil
}

// Info tells what it is; of rules, the hooks of all of them.
func (t *Target) Info() policy.Info {
	info := t.plugins[0].Info()
	info.Name = t.Name
	for _, p := range t.plugins[1:] {
		for _, h := range p.Info().Hooks {
			if !slices.Contains(info.Hooks, h) {
				info.Hooks = append(slices.Clone(info.Hooks), h)
			}
		}
	}
	return info
}

// Ask asks about one question. A question that has no config gets the target's.
func (t *Target) Ask(ctx context.Context, q policy.Request) policy.Exchange {
	if t.config != nil {
		q.Config = t.config
	}
	began := time.Now()
	r, err := t.answer(ctx, q)
	x := policy.Exchange{Plugin: t.Info(), Request: q, Took: time.Since(began)}
	if err != nil {
		x.Failure = err.Error()
		return x
	}
	x.Response = &r
	return x
}

// answer is that of the plugin, or of all rules for the hook: each sees what the one before has left.
func (t *Target) answer(ctx context.Context, q policy.Request) (policy.Response, error) {
	var all policy.Response
	asked := false
	for _, p := range t.plugins {
		if !slices.Contains(p.Info().Hooks, q.Hook) {
			continue
		}
		asked = true
		r, err := within(ctx, t.timeout, func(ctx context.Context) (policy.Response, error) { return p.Apply(ctx, q) })
		if err != nil {
			return r, err
		}
		all.Warnings = append(all.Warnings, r.Warnings...)
		if r.Spec != nil {
			q.Spec, all.Spec = r.Spec, r.Spec
		}
		if r.Error != "" {
			all.Error = r.Error
			return all, nil
		}
	}
	if !asked {
		return all, fmt.Errorf("it is not asked about %s: it has the hooks %v", q.Hook, t.Info().Hooks)
	}
	return all, nil
}

// errLate is a plugin whose time is over.
var errLate = errors.New("no answer")

// within waits so long.
func within[T any](ctx context.Context, limit time.Duration, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	v, err := do(ctx)
	if ctx.Err() != nil {
		return v, fmt.Errorf("%w within %s", errLate, limit)
	}
	return v, err
}

// Outcome says in a word what an exchange came to, and what is another in the spec.
func Outcome(x policy.Exchange) (policy.Outcome, []policy.Change) {
	if x.Response == nil {
		return policy.Failed, nil
	}
	if x.Response.Error != "" {
		return policy.Rejected, nil
	}
	if x.Response.Spec == nil {
		return policy.Accepted, nil
	}
	changes := policy.Diff("", map[string]any(x.Request.Spec), map[string]any(x.Response.Spec))
	if len(changes) == 0 {
		return policy.Accepted, nil
	}
	return policy.Changed, changes
}

// ReadRequest reads a question from a file: all of it, as `dream policy eval --print` prints it, or a spec alone, which is
// asked about as the hook that its kind names.
func ReadRequest(data []byte, hook policy.Hook) (policy.Request, error) {
	var q policy.Request
	whole, err := policy.Plain[map[string]any](json.RawMessage(data))
	if err != nil {
		return q, fmt.Errorf("is no JSON object: %w", err)
	}
	if _, is := whole["spec"]; is {
		if q, err = policy.Plain[policy.Request](json.RawMessage(data)); err != nil {
			return q, err
		}
	} else {
		q.Spec = whole
	}
	if q.Spec == nil {
		return q, errors.New("has no spec")
	}
	if hook != "" {
		q.Hook = hook
	}
	if q.Hook == "" {
		kind, _ := q.Spec["kind"].(string)
		q.Hook = policy.Hook("on_" + kind + "_apply")
	}
	known, ok := policy.ParseHook(string(q.Hook))
	if !ok {
		return q, fmt.Errorf("has no hook: write \"hook\", one of %v, or the kind of the spec", policy.Hooks())
	}
	q.Hook = known
	fill(&q.APIVersion, "v1")
	fill(&q.User, "cli:author")
	fill(&q.Project, "main")
	fill(&q.Phase, "plan")
	fill(&q.Operation, "start")
	return q, nil
}

func fill(at *string, value string) {
	if *at == "" {
		*at = value
	}
}
