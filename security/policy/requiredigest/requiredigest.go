// Package requiredigest is the plugin require_digest: images are named by their digest, so that what was looked at is what
// runs. Its config may list exceptions: {"allow": ["ghcr.io/me/"]}, beginnings of image names.
package requiredigest

import (
	"encoding/json"
	"fmt"
	"strings"

	"dreamserver/security/policy"
)

// Name is what the operator lists.
const Name = "require_digest"

func init() { policy.Register(Name, New) }

// New makes the plugin.
func New(config json.RawMessage) (policy.Plugin, error) {
	var c struct {
		Allow []string `json:"allow"`
	}
	if err := policy.ReadConfig(config, &c); err != nil {
		return nil, err
	}
	return policy.Compiled{
		About: policy.Info{Name: Name, Transport: "go", Hooks: []policy.Hook{policy.OnService}},
		Do:    func(r policy.Request) (policy.Response, error) { return judge(r, c.Allow) },
	}, nil
}

// judge refuses images without a digest. What is built here has none before it is built.
func judge(r policy.Request, allow []string) (policy.Response, error) {
	var without []string
	err := policy.EachService(r.Spec, func(name string, s map[string]any) error {
		image, _ := s["image"].(string)
		if s["build"] != nil || strings.Contains(image, "@sha256:") {
			return nil
		}
		for _, prefix := range allow {
			if strings.HasPrefix(image, prefix) {
				return nil
			}
		}
		without = append(without, fmt.Sprintf("%s (%s)", name, image))
		return nil
	})
	if err != nil || len(without) == 0 {
		return policy.Response{}, err
	}
	return policy.Response{Error: "images without a digest: " + strings.Join(without, ", ") + "; write name:tag@sha256:…"}, nil
}
