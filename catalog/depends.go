package catalog

import (
	"fmt"
	"slices"
	"strings"

	"dreamserver/internal/problem"
)

// checkDependencies refuses to run id while something it needs, directly or through others, is not enabled.
func (s *Snapshot) checkDependencies(id string) error {
	missing, err := s.missing(id)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	for _, dep := range missing {
		if _, known := s.Find(dep); !known {
			return unknownDependency(dep)
		}
	}
	return problem.Newf(problem.MissingDependencies,
		"Missing dependencies: %s. %s", strings.Join(missing, ", "), s.remedy(id))
}

// unknownDependency is the refusal of what needs an extension that nobody has.
func unknownDependency(id string) error {
	return problem.Newf(problem.MissingDependencies, "Missing dependencies: %s, which is neither installed nor in the library", id)
}

func (s *Snapshot) remedy(id string) string {
	if s.Installed(id) {
		return fmt.Sprintf("Enable them first, in this order, or use `dream enable --with-dependencies %s`", id)
	}
	return "Install or enable them first, in this order"
}

// missing lists what id needs and what is not enabled, dependencies before what needs them. A cycle is an error
// that names it.
func (s *Snapshot) missing(id string) ([]string, error) {
	w := dependencyWalk{snapshot: s, done: map[string]bool{}}
	err := w.visit(id)
	return w.missing, err
}

type dependencyWalk struct {
	snapshot *Snapshot
	path     []string
	done     map[string]bool
	missing  []string
}

func (w *dependencyWalk) visit(id string) error {
	if i := slices.Index(w.path, id); i >= 0 {
		return problem.Newf(problem.DependencyCycle, "dependency cycle: %s: one of them must not depend on the next",
			strings.Join(append(slices.Clone(w.path[i:]), id), " → "))
	}
	if w.done[id] {
		return nil
	}
	w.path = append(w.path, id)
	e, known := w.snapshot.Find(id)
	for _, dep := range e.DependsOn {
		if err := w.visit(dep); err != nil {
			return err
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.done[id] = true
	if len(w.path) > 0 && !w.snapshot.satisfied(id, e, known) {
		w.missing = append(w.missing, id)
	}
	return nil
}

func (s *Snapshot) satisfied(id string, e Entry, known bool) bool {
	return slices.Contains(s.core, id) || known && e.Status == Enabled
}

// dependents lists the enabled extensions that need id, directly or through others, sorted.
func (s *Snapshot) dependents(id string) []string {
	found := []string{}
	todo := []string{id}
	for len(todo) > 0 {
		needed := todo[0]
		todo = todo[1:]
		for _, e := range s.Entries {
			if e.Status == Enabled && e.ID != id && slices.Contains(e.DependsOn, needed) && !slices.Contains(found, e.ID) {
				found = append(found, e.ID)
				todo = append(todo, e.ID)
			}
		}
	}
	slices.Sort(found)
	return found
}
