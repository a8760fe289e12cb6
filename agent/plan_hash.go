package agent

import (
	"context"
	"maps"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security/policy"
)

// planHash is the hash of what is about to be approved: what it was made of, the policies, and the model, with placeholders
// for secrets, and the images that it would run. A secret that is made up for each try is the same by its placeholder. images are
// the ids that names mean now: one that is to be pulled or built has none, and what comes of it then is not known.
func (s *Server) planHash(p *prepared, engine *policy.Engine, images map[string]string) (catalog.PlanHash, error) {
	model, err := compose.Model(p.project)
	if err != nil {
		return catalog.PlanHash{}, err
	}
	if images == nil {
		images = map[string]string{} // while Docker is away
	}
	return catalog.NewPlanHash(p.inputs, engine.Digest(), map[string]any{"project": hide(model, p.secrets), "images": images})
}

// presentImages are the images that the services name and that are here: name → id.
func (s *Server) presentImages(ctx context.Context, p *prepared) (map[string]string, error) {
	images := map[string]string{}
	for _, svc := range p.project.Services {
		if images[svc.Image] != "" {
			continue
		}
		id, err := s.opts.Engine.ImageID(ctx, svc.Image)
		if err != nil {
			return nil, err
		}
		if id != "" {
			images[svc.Image] = id
		}
	}
	return images, nil
}

// hidden are the values that must not be shown, by key: what is declared as a secret, sounds like one, or was made for this
// operation, and the keys of the programs.
func (l *loading) hidden() map[string]string {
	settings := l.world.settings
	out := map[string]string{}
	for key, value := range settings.Env {
		if value != "" && (l.world.secrets[key] != "" || l.secretKeys[key] || manifest.SoundsSecret(key) || catalog.HidesValue(key, value)) {
			out[key] = value
		}
	}
	for _, m := range l.made {
		for _, pair := range m.pairs {
			out[pair.Key] = pair.Value
		}
	}
	for key, value := range map[string]config.Secret{
		"DREAM_AGENT_KEY": settings.AgentKey, "DREAM_AGENT_API_KEY": settings.AgentAPIKey, "DASHBOARD_API_KEY": settings.APIKey,
	} {
		if value != "" {
			out[key] = value.Reveal()
		}
	}
	return out
}

// hiddenWith is hidden with the secrets that the extension reads.
func (l *loading) hiddenWith(own map[string]string) map[string]string {
	out := l.hidden()
	maps.Copy(out, own)
	return out
}

// secretsOf notes which variables of an extension are secrets: those that can be made are, too, before and after.
func (l *loading) secretsOf(s *manifest.Service) {
	for _, v := range s.EnvVars {
		if v.Secret || s.Generator(v) != nil {
			l.secretKeys[v.Key] = true
		}
	}
}
