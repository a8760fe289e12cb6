package agent

import (
	"context"
	"maps"
	"os"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// The states of an image, and what would happen to a container.
const (
	imagePresent, imagePull, imageBuild, notKnown = "present", "pull", "build", "unknown"

	toCreate, toRecreate, toStart, toKeep, toRemove = "create", "recreate", "start", "keep", "remove"
)

// lookAtDocker adds what the engine knows: images, containers, and ports that are taken. It asks and changes nothing. While
// the engine is away, that is not known, and the plan says so. images are the ids of those that are there.
func (s *Server) lookAtDocker(ctx context.Context, plan *catalog.Plan, p *prepared) (images map[string]string) {
	containers, err := s.opts.Engine.Containers(ctx)
	if err == nil {
		images, err = s.presentImages(ctx, p)
	}
	away := err != nil
	if away {
		plan.Warnings = append(slices.Clip(plan.Warnings), "what would be pulled, created and recreated is not known: "+problem.As(err).Detail)
	}
	plan.Images = imagesOf(p, images, away)
	plan.Services = s.actionsOf(p, images, containers, away)
	if !away && plan.Verdict == catalog.PlanAllowed {
		plan.Refuse(s.checkPorts(ctx, p, containers))
	}
	return images
}

// imagesOf are the images that would run, by name.
func imagesOf(p *prepared, present map[string]string, away bool) []catalog.PlanImage {
	images := map[string]*catalog.PlanImage{}
	for _, name := range slices.Sorted(maps.Keys(p.project.Services)) {
		svc := p.project.Services[name]
		if seen := images[svc.Image]; seen != nil {
			seen.Services = append(seen.Services, name)
			continue
		}
		image := &catalog.PlanImage{Image: svc.Image, Services: []string{name}, State: notKnown}
		images[svc.Image] = image
		switch {
		case away:
		case present[svc.Image] != "":
			image.State, image.Bytes = imagePresent, new(int64)
		case svc.Build != nil:
			image.State = imageBuild
		default:
			image.State = imagePull
		}
	}
	out := []catalog.PlanImage{}
	for _, name := range slices.Sorted(maps.Keys(images)) {
		out = append(out, *images[name])
	}
	return out
}

// actionsOf is what would happen to the containers: docker compose makes one anew when its service is another one than it
// was made from, and that is in the file that was approved last.
func (s *Server) actionsOf(p *prepared, images map[string]string, containers []compose.Container, away bool) []catalog.PlanService {
	next := servicesIn(p.file)
	out := []catalog.PlanService{}
	for _, name := range slices.Sorted(maps.Keys(p.project.Services)) {
		action := notKnown
		if !away {
			action = s.actionOf(p, name, next[name], images, containers)
		}
		out = append(out, catalog.PlanService{Service: name, Action: action})
	}
	for _, c := range containers {
		_, known := p.project.Services[c.Service]
		if !known && compose.OwnsService(p.id, c.Service, p.world.rivals(p.id)) && !p.world.isCore(c.Service) {
			out = append(out, catalog.PlanService{Service: c.Service, Action: toRemove})
		}
	}
	return slices.CompactFunc(out, func(a, b catalog.PlanService) bool { return a == b })
}

func (s *Server) actionOf(p *prepared, name string, next any, images map[string]string, containers []compose.Container) string {
	i := slices.IndexFunc(containers, func(c compose.Container) bool { return c.Service == name })
	if i < 0 {
		return toCreate
	}
	last := s.lastApproved(p, name)
	switch {
	case last == nil:
		return notKnown
	case !reflect.DeepEqual(last, next) || images[p.project.Services[name].Image] != containers[i].ImageID:
		return toRecreate
	case containers[i].State != "running":
		return toStart
	}
	return toKeep
}

// lastApproved is the service as it was last approved: with the extension, or with its own where it only depends on it.
func (s *Server) lastApproved(p *prepared, name string) any {
	ids := []string{p.id, name}
	for _, id := range p.world.ids {
		if compose.OwnsService(id, name, p.world.rivals(id)) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		file, err := os.ReadFile(s.approvedFile(id))
		if err != nil {
			continue
		}
		if svc, ok := servicesIn(file)[name]; ok {
			return svc
		}
	}
	return nil
}

// servicesIn are the services of an approved file.
func servicesIn(file []byte) map[string]any {
	var model struct {
		Services map[string]any `yaml:"services"`
	}
	if err := yaml.Unmarshal(file, &model); err != nil {
		return nil // it was not written by this program
	}
	return model.Services
}
