// Package rules evaluates the rules of config/server/config.yml, which are written in CEL. Whoever imports it can have rules:
// it is apart from package policy because CEL is large, and only the host agent needs it.
package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"dreamserver/security/policy"
)

// maxCost bounds the evaluation of one expression, in CEL's own units: a rule over a large model costs some thousands.
const maxCost = 1_000_000

func init() { policy.RegisterRules(New) }

// New makes the rules of a config. The error names line and column.
func New(configs []policy.RuleConfig) ([]policy.Plugin, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	var all []policy.Plugin
	var errs []error
	for _, c := range configs {
		r, err := newRule(env, c)
		errs = append(errs, err)
		all = append(all, r)
	}
	return all, errors.Join(errs...)
}

// rule is an operator's rule, ready to be asked.
type rule struct {
	config policy.RuleConfig
	match  cel.Program // nil matches everything
	set    []assignment
}

// assignment is one entry of set.
type assignment struct {
	path  []string // one element may be *: every service
	value cel.Program
}

// environment is what an expression can read: the spec, who asks, and facts. service is the name of the service that a
// path with * is at, empty elsewhere.
func environment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("spec", cel.DynType), cel.Variable("user", cel.StringType), cel.Variable("project", cel.StringType),
		cel.Variable("extension", cel.DynType), cel.Variable("host", cel.DynType), cel.Variable("operation", cel.StringType),
		cel.Variable("service", cel.StringType), cel.OptionalTypes(), ext.Strings(), ext.Sets(),
	)
}

// newRule compiles a rule. The error names line and column.
func newRule(env *cel.Env, c policy.RuleConfig) (*rule, error) {
	r := &rule{config: c}
	var errs []error
	if c.Match.Value != "" {
		var err error
		r.match, err = compile(env, c.Name+".match", c.Match, cel.BoolType)
		errs = append(errs, err)
	}
	for _, path := range slices.Sorted(maps.Keys(c.Set)) {
		words := strings.Split(path, ".")
		stars := 0
		for _, w := range words {
			if w == "*" {
				stars++
			}
		}
		if stars > 1 || slices.Contains(words, "") {
			errs = append(errs, fmt.Errorf("%d: %s.set: %q is no path: write keys with dots between them, and * once at most, such as services.*.labels.team", c.Line, c.Name, path))
			continue
		}
		if parts := policy.Parts(c.Hook); !slices.Contains(parts, words[0]) {
			errs = append(errs, fmt.Errorf("%d: %s.set: %q is nothing that %s may change: a path begins with %s", c.Set[path].Line, c.Name, path, c.Hook, strings.Join(parts, ", ")))
			continue
		}
		value, err := compile(env, c.Name+".set."+path, c.Set[path], nil)
		errs = append(errs, err)
		r.set = append(r.set, assignment{words, value})
	}
	return r, errors.Join(errs...)
}

// compile checks the types of an expression. want is the type of its value; nil allows any.
func compile(env *cel.Env, name string, t policy.Text, want *cel.Type) (cel.Program, error) {
	ast, issues := env.Compile(t.Value)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		line, column := t.Line+first.Location.Line()-1, first.Location.Column()+1
		if first.Location.Line() == 1 {
			column += t.Column - 1
		}
		return nil, fmt.Errorf("%d:%d: %s: %s", line, column, name, first.Message)
	}
	if got := ast.OutputType(); want != nil && !got.IsExactType(want) && !got.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("%d:%d: %s: is %s, and has to be %s", t.Line, t.Column, name, got, want)
	}
	if word := noOperation(ast); word != "" {
		return nil, fmt.Errorf("%d:%d: %s: operation is never %q: it is one of %s", t.Line, t.Column, name, word, strings.Join(policy.Operations(), ", "))
	}
	p, err := env.Program(ast, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, fmt.Errorf("%d:%d: %s: %w", t.Line, t.Column, name, err)
	}
	return p, nil
}

// noOperation is a text that the expression compares operation with, and that it never is; empty for none.
func noOperation(ast *cel.Ast) (word string) {
	celast.PostOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind || !slices.Contains([]string{operators.Equals, operators.NotEquals, operators.In}, e.AsCall().FunctionName()) {
			return
		}
		sides := e.AsCall().Args()
		about := func(e celast.Expr) bool { return e.Kind() == celast.IdentKind && e.AsIdent() == "operation" }
		if !slices.ContainsFunc(sides, about) {
			return
		}
		for _, side := range sides {
			words := []celast.Expr{side}
			if side.Kind() == celast.ListKind {
				words = side.AsList().Elements()
			}
			for _, w := range words {
				if w.Kind() != celast.LiteralKind {
					continue
				}
				if text, ok := w.AsLiteral().Value().(string); ok && !slices.Contains(policy.Operations(), text) {
					word = text
				}
			}
		}
	}))
	return word
}

// Info tells what the rule is.
func (r *rule) Info() policy.Info {
	return policy.Info{Name: r.config.Name, Transport: "cel", Hooks: []policy.Hook{r.config.Hook}}
}

// Apply evaluates the rule.
func (r *rule) Apply(ctx context.Context, q policy.Request) (policy.Response, error) {
	facts, err := policy.Plain[map[string]any](q.Context)
	if err != nil {
		return policy.Response{}, err
	}
	spec, err := policy.Plain[policy.Spec](q.Spec)
	if err != nil {
		return policy.Response{}, err
	}
	vars := map[string]any{
		"spec": celValue(map[string]any(spec)), "user": q.User, "project": q.Project, "operation": q.Operation, "service": "",
		"extension": celValue(facts["extension"]), "host": celValue(facts["host"]),
	}
	if r.match != nil {
		matches, err := evaluate(ctx, r.match, vars)
		if err != nil {
			return policy.Response{}, err
		}
		if yes, ok := matches.(bool); !ok || !yes {
			return policy.Response{}, err
		}
	}
	if r.config.Deny != "" {
		return policy.Response{Error: r.config.Deny}, nil
	}
	var answer policy.Response
	if r.config.Warn != "" {
		answer.Warnings = []string{r.config.Warn}
	}
	for _, a := range r.set {
		if err := a.apply(ctx, spec, vars); err != nil {
			return policy.Response{}, err
		}
		answer.Spec = spec
	}
	return answer, nil
}

// apply sets the path, for each service where it has a star.
func (a assignment) apply(ctx context.Context, spec policy.Spec, vars map[string]any) error {
	star := slices.Index(a.path, "*")
	if star < 0 {
		return a.at(ctx, spec, a.path, vars)
	}
	var in any = map[string]any(spec)
	for _, key := range a.path[:star] {
		o, err := policy.Object(in, strings.Join(a.path[:star], "."))
		if err != nil {
			return err
		}
		in = o[key]
	}
	all, err := policy.Object(in, strings.Join(a.path[:star], "."))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		path := slices.Clone(a.path)
		path[star] = name
		vars := maps.Clone(vars)
		vars["service"] = name
		if err := a.at(ctx, spec, path, vars); err != nil {
			return err
		}
	}
	return nil
}

func (a assignment) at(ctx context.Context, spec policy.Spec, path []string, vars map[string]any) error {
	value, err := evaluate(ctx, a.value, vars)
	if err != nil {
		return err
	}
	at := map[string]any(spec)
	for i, key := range path[:len(path)-1] {
		next, err := policy.Object(at[key], strings.Join(path[:i+1], "."))
		if err != nil {
			return err
		}
		at[key] = next
		at = next
	}
	at[path[len(path)-1]] = value
	return nil
}

// evaluate is the value of an expression as a plain value.
func evaluate(ctx context.Context, p cel.Program, vars map[string]any) (any, error) {
	out, _, err := p.ContextEval(ctx, vars)
	if err != nil {
		return nil, err
	}
	if out.Type() == types.BoolType {
		return out.Value(), nil
	}
	native, err := out.ConvertToNative(reflect.TypeFor[any]())
	if err != nil {
		return nil, err
	}
	return policy.Plain[any](native)
}

// celValue has numbers as CEL takes them: an integer where it is one.
func celValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // a number of JSON is one
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = celValue(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = celValue(v[k])
		}
		return out
	}
	return v
}
