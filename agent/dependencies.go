package agent

import (
	"context"
	"maps"
	"slices"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// dependencies loads the extensions whose services the loaded ones depend on, and theirs.
func (l *loading) dependencies(ctx context.Context, base *compose.Unit) error {
	for i := 0; i < len(l.units); i++ { // grows while it is walked
		u := l.units[i]
		for _, name := range u.ServiceNames() {
			dependsOn := u.Project.Services[name].DependsOn
			for _, dep := range slices.Sorted(maps.Keys(dependsOn)) {
				if _, inBase := base.Project.Services[dep]; inBase || l.loaded(dep) {
					continue
				}
				owner := l.owner(dep)
				if owner == nil {
					continue // Join says which dependency is missing, and where it is asked for
				}
				if _, err := l.unit(ctx, owner, nil); err != nil && dependsOn[dep].Required {
					return problem.Newf(problem.As(err).Code, "extension %q needs %q: %w", u.ID, owner.ID, err).With(problem.As(err).Items...)
				}
			}
		}
	}
	return nil
}

func (l *loading) loaded(service string) bool {
	return slices.ContainsFunc(l.units, func(u *compose.Unit) bool {
		_, ok := u.Project.Services[service]
		return ok
	})
}

func (l *loading) owner(service string) *compose.StackUnit {
	for i, u := range l.world.stack.Units {
		if !u.Core() && compose.OwnsService(u.ID, service, l.world.rivals(u.ID)) {
			return &l.world.stack.Units[i]
		}
	}
	return nil
}
