package api

import (
	"context"
	"time"

	"dreamserver/config"
)

type keysBody struct {
	Keys []keyBody `json:"keys" doc:"that of .env first, then the named ones by name"`
}

// keyBody is a key without anything that opens.
type keyBody struct {
	Name      string       `json:"name"`
	Scope     config.Scope `json:"scope" enum:"admin,operate,read,metrics"`
	Created   *time.Time   `json:"created,omitempty" doc:"absent for the key in .env"`
	Expires   *time.Time   `json:"expires,omitempty" doc:"absent for a key without an end"`
	Expired   bool         `json:"expired"`
	Extension string       `json:"extension,omitempty" doc:"whose key it is, where the host agent made it for an extension"`
	Yours     bool         `json:"yours" doc:"it is the one that this request came with, or its session was opened with"`
}

func (s *server) listKeys(ctx context.Context, _ *struct{}) (*reply[keysBody], error) {
	who, now := visitOf(ctx).caller, s.now()
	b := keysBody{}
	for _, k := range append([]config.APIKey{s.keys.admin}, s.keys.named()...) {
		body := keyBody{Name: k.Name, Scope: k.Scope, Expired: k.Expired(now), Extension: k.Extension, Yours: k.Name == who.name}
		if !k.Created.IsZero() {
			body.Created = &k.Created
		}
		if !k.Expires.IsZero() {
			body.Expires = &k.Expires
		}
		b.Keys = append(b.Keys, body)
	}
	return respond(b, nil)
}
