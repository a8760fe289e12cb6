package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
	"dreamserver/security/policy"
)

// policyProject is what plugins hear as the project: dstack's word for what there is one of here.
const policyProject = "main"

// loadPolicies reads the operator's config, once: it holds until the agent is restarted.
func (s *Server) loadPolicies() *policy.Engine {
	from := s.policySources()
	from.Loaded = func(i policy.Info, mode policy.Mode) {
		s.log.Info().Str("transport", i.Transport).Str("digest", i.Digest).Str("mode", string(mode)).Msg("Loaded plugin " + i.Name)
	}
	e := policy.LoadFile(s.opts.Settings.InstallDir, from)
	if err := e.Locked(); err != nil {
		s.log.Error().Err(err).Msg("policies are locked: nothing is installed, enabled or started")
	}
	return e
}

// policySources are where plugins come from.
func (s *Server) policySources() policy.Sources {
	settings := s.opts.Settings
	dir := filepath.Join(settings.InstallDir, filepath.Dir(policy.ConfigFile), "plugins")
	return policy.Sources{Cache: &s.answers, Dir: dir, Getenv: func(key string) string { return settings.Env[key] }, Owner: settings.UID}
}

// lockedPolicies is why nothing may be started; empty when everything may.
func (s *Server) lockedPolicies() string {
	if err := s.policies.Locked(); err != nil {
		return problem.As(err).Detail
	}
	return ""
}

// applyPolicies has the operator's plugins change or refuse what would run of an extension. The scan judges what they make
// of it: no policy loosens anything.
func (l *loading) applyPolicies(ctx context.Context, u *compose.StackUnit, unit acceptedUnit, folder *security.Folder, in compose.Input) (acceptedUnit, error) {
	engine, asks := l.policies(), l.want.asks
	if asks == nil && engine.Locked() == nil && len(engine.Plugins()) == 0 {
		return unit, nil
	}
	s, err := l.subject(ctx, u, unit, in)
	if err != nil {
		return unit, err
	}
	if asks != nil {
		return unit, asks.ask(ctx, engine, s)
	}
	began := time.Now()
	changed, r, err := l.evaluate(ctx, engine, s, unit, folder)
	err = discreet(err, l.hiddenWith(s.Secrets))
	if l.want.plan == nil { // who only wants to know decides nothing
		if untold := l.server.recordDecision(ctx, s, r, err, time.Since(began)); err == nil {
			err = untold
		}
	}
	if err != nil {
		return unit, err
	}
	if len(r.Warnings) > 0 {
		other := *changed.Unit
		other.Notes = append(append([]string(nil), other.Notes...), r.Warnings...)
		changed.Unit = &other
	}
	return changed, nil
}

// evaluate asks the plugins, and judges what they have made of the unit.
func (l *loading) evaluate(ctx context.Context, engine *policy.Engine, s policy.Subject, unit acceptedUnit, folder *security.Folder) (acceptedUnit, policy.Result, error) {
	r, err := engine.Evaluate(ctx, s)
	r = discreetResult(r, l.hiddenWith(s.Secrets))
	l.want.plan.evaluated(s.ID, r)
	if engine == l.server.policies {
		l.server.measures.decided(r.Decisions)
	}
	entry := auditOf(ctx)
	for _, d := range r.Decisions {
		if d.Outcome != policy.Accepted {
			entry.Policies = append(entry.Policies, d)
		}
	}
	if err != nil || len(r.Changes) == 0 {
		return unit, r, err
	}
	changed, err := l.rescan(ctx, unit, folder, r)
	return changed, r, err
}

// rescan makes the unit that the policies have left, and judges it as the one before.
func (l *loading) rescan(ctx context.Context, unit acceptedUnit, folder *security.Folder, r policy.Result) (acceptedUnit, error) {
	next, err := unit.WithModel(ctx, r.Model)
	if err != nil {
		return unit, changedBy(unit.ID, r, err)
	}
	next.Harden()
	findings, err := security.Scan(folder.Subject(next))
	l.server.measures.scanned(findings)
	if err == nil {
		err = security.Refusal(unit.ID, findings)
	}
	if err != nil {
		return unit, changedBy(unit.ID, r, err)
	}
	return acceptedUnit{Unit: next, grants: security.Grants(findings)}, nil
}

// changedBy names the plugins in a refusal of what they have made: the extension itself was accepted.
func changedBy(id string, r policy.Result, err error) error {
	var names []string
	for _, c := range r.Changes {
		if !slices.Contains(names, c.Plugin) {
			names = append(names, c.Plugin)
		}
	}
	e := problem.As(err)
	return problem.Newf(problem.PolicyDenied, "extension %q: what the policies make of it (%s) is not accepted: %w", id, strings.Join(names, ", "), err).With(e.Items...)
}

// subject is the unit as plugins are asked about it.
func (l *loading) subject(ctx context.Context, u *compose.StackUnit, unit acceptedUnit, in compose.Input) (policy.Subject, error) {
	model, err := compose.Model(unit.Project)
	if err != nil {
		return policy.Subject{}, err
	}
	words, err := manifestWords(u.Manifest)
	if err != nil {
		return policy.Subject{}, err
	}
	grants := make([]string, len(unit.grants))
	for i, g := range unit.grants {
		grants[i] = string(g)
	}
	phase := "plan"
	if l.want.run {
		phase = "apply"
	}
	s := policy.Subject{
		ID: u.ID, Model: model, Manifest: words, User: cmp.Or(catalog.Actor(ctx), ownActor), Project: policyProject,
		Phase: phase, Operation: l.operation(ctx), Secrets: secretsIn(in.Env, l.world.secrets),
		Facts: policy.Facts{
			Extension: policy.ExtensionFacts{ID: u.ID, Source: string(u.Source), Digest: l.digests[u.ID], Category: string(u.Manifest.Service.Category), Grants: grants},
			Host:      policy.HostFacts{GPUBackend: l.world.host.Backend, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()},
		},
	}
	return s, nil
}

// operation is what policies hear that they are asked for: the change that this is part of, or else the verb.
func (l *loading) operation(ctx context.Context) string {
	if kind := catalog.ChangeOf(ctx); kind.TurnsOn() {
		return string(kind)
	}
	if l.want.plan != nil {
		return string(l.want.plan.operation)
	}
	return cmp.Or(auditOf(ctx).Op, string(operation.Start))
}

// secretsIn are the values of secrets that the extension reads.
func secretsIn(env map[string]string, secrets security.Secrets) map[string]string {
	out := map[string]string{}
	for key, value := range env {
		if value != "" && (secrets[key] != "" || manifest.SoundsSecret(key)) {
			out[key] = value
		}
	}
	return out
}

// manifestWords is a manifest in the words of its file.
func manifestWords(m *manifest.Manifest) (map[string]any, error) {
	text, err := yaml.Marshal(m)
	if err != nil {
		return nil, err
	}
	var words map[string]any
	if err := yaml.Unmarshal(text, &words); err != nil {
		return nil, err
	}
	data, err := json.Marshal(words)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	return out, json.Unmarshal(data, &out)
}
