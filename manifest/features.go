package manifest

import (
	"gopkg.in/yaml.v3"
)

// lastPriority is where a feature is listed whose manifest does not say.
const lastPriority = 99

// features reads the user-visible abilities. What they refer to must be ids; how they look is a nicety.
func (p *parser) features(dst *[]Feature) field {
	return func(path string, n *yaml.Node) {
		line := map[string]int{}
		p.each(path, n, func(path string, n *yaml.Node) {
			f := Feature{
				Priority:           lastPriority,
				EnabledServicesAll: []string{}, // JSON clients iterate over these two
				Requirements:       Requirements{Services: []string{}},
			}
			given := p.mapping(path, n, fields{
				"id":                   p.text(&f.ID, notBlank),
				"name":                 p.lenient(p.text(&f.Name)),
				"description":          p.lenient(p.prose(&f.Description)),
				"icon":                 p.lenient(p.text(&f.Icon)),
				"category":             p.lenient(p.text(&f.Category)),
				"requirements":         p.requirements(&f.Requirements),
				"enabled_services_all": p.list(&f.EnabledServicesAll, isID),
				"enabled_services_any": p.list(&f.EnabledServicesAny, isID),
				"setup_time":           p.lenient(p.text(&f.SetupTime)),
				"priority":             p.lenient(p.whole(&f.Priority, 1_000_000, "write a number, 1 for the first")),
				"gpu_backends":         p.list(&f.GPUBackends, isBackend),
			})
			if given == nil {
				return
			}
			if !given["id"] {
				p.fail(n.Line, join(path, "id"), "is missing: write a name that no other feature has")
			}
			for _, key := range []string{"name", "description", "icon", "category", "priority"} {
				if !given[key] {
					p.warn(n.Line, join(path, key), "is missing: the feature shows a default")
				}
			}
			if before := line[f.ID]; f.ID != "" && before != 0 {
				p.fail(n.Line, join(path, "id"), "%s is already the id of the feature in line %d: rename one", quote(f.ID), before)
			}
			line[f.ID] = n.Line
			*dst = append(*dst, f)
		})
	}
}

func (p *parser) requirements(r *Requirements) field {
	return func(path string, n *yaml.Node) {
		p.mapping(path, n, fields{
			"services":     p.list(&r.Services, isID),
			"services_all": p.list(&r.ServicesAll, isID),
			"services_any": p.list(&r.ServicesAny, isID),
			"vram_gb":      p.gigabytes(&r.VRAMGB),
			"disk_gb":      p.gigabytes(&r.DiskGB),
		})
	}
}
