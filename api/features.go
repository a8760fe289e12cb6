package api

import (
	"context"
	"fmt"

	"dreamserver/catalog/features"
)

// featuresBody is the wire contract's; package features decides what is in it.
type featuresBody features.Overview

func (s *server) listFeatures(context.Context, *struct{}) (*reply[featuresBody], error) {
	return respond(featuresBody(features.Of(s.extensions.Snapshot())), nil)
}

// featureInput names a feature. What is no feature's id is none's.
type featureInput struct {
	ID string `path:"id"`
}

type guideBody struct {
	FeatureID    string           `json:"featureId"`
	Name         string           `json:"name"`
	Status       features.Status  `json:"status" enum:"enabled,available,services_needed,insufficient_vram,incompatible"`
	Instructions instructionsBody `json:"instructions"`
}

type instructionsBody struct {
	Steps []string   `json:"steps"`
	Links []linkBody `json:"links" doc:"pages of the services that the feature needs, at the host that this request was sent to"`
}

type linkBody struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// featureGuide answers with links that the caller can follow, which depend on where they are.
func (s *server) featureGuide(ctx context.Context, in *featureInput) (*reply[guideBody], error) {
	g, err := features.GuideTo(s.extensions.Snapshot(), in.ID)
	if err != nil {
		return nil, err
	}
	b := guideBody{FeatureID: g.ID, Name: g.Name, Status: g.Status, Instructions: instructionsBody{Steps: g.Steps, Links: []linkBody{}}}
	from := visitOf(ctx)
	for _, page := range g.Pages {
		if page.Local && !isLocal(from.host) {
			b.Instructions.Steps = append(b.Instructions.Steps, fmt.Sprintf("%s answers on the machine itself alone: open %s there, or forward the port to where you are: "+
				"ssh -L %d:127.0.0.1:%[3]d %s", page.Label, linkTo("localhost", page.Port, page.Path), page.Port, hostName(from.host)))
			continue
		}
		b.Instructions.Links = append(b.Instructions.Links, linkBody{page.Label, linkTo(hostName(from.host), page.Port, page.Path)})
	}
	return respond(b, nil)
}
