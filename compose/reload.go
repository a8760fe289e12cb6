package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/internal/problem"
)

// WithModel is the unit with another model in place of its own, as [Model] makes one: plain values, placed, and with
// nothing left to fill in. What compose-go's schema does not know is refused. The unit itself is not changed.
func (u *Unit) WithModel(ctx context.Context, model map[string]any) (*Unit, error) {
	silence()
	content, err := encodeModel(model)
	if err != nil {
		return nil, err
	}
	details := types.ConfigDetails{
		WorkingDir: "/", Environment: types.Mapping{}, ConfigFiles: []types.ConfigFile{{Filename: Fragment, Content: content}},
	}
	vars := &variables{in: Input{ID: u.ID, Budget: &Budget{}}, keys: keys{}, undeclared: map[string]bool{}, missing: map[string]string{}} // every $ is doubled: there is nothing to look up
	project, err := load(ctx, details, vars)
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: its changed model is no compose file: %w", u.ID, err)
	}
	project.Environment = nil
	project.Name = u.Project.Name
	out := *u
	out.Project = project
	out.Notes = append([]string(nil), u.Notes...)
	out.dropUnset()
	return &out, nil
}

// dropUnset leaves out variables and build arguments without a value: docker compose would fill them from its own
// environment.
func (u *Unit) dropUnset() {
	for _, name := range u.ServiceNames() {
		s := u.Project.Services[name]
		for _, k := range slices.Sorted(maps.Keys(s.Environment)) {
			if s.Environment[k] == nil {
				delete(s.Environment, k)
				u.Notes = append(u.Notes, fmt.Sprintf("services.%s.environment: %s has no value: it is left out", name, k))
			}
		}
		u.dropEmptyArgs(&s)
		u.Project.Services[name] = s
	}
}

// encodeModel writes a model as [Encode] writes a project.
func encodeModel(model map[string]any) ([]byte, error) {
	copied := maps.Clone(model)
	delete(copied, "name")
	data, err := yamlOf(copied)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	return data, nil
}
