package security_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/manifest"
	"dreamserver/security"
)

func TestDeclared_Others(t *testing.T) {
	secret := func(key string) manifest.EnvVar { return manifest.EnvVar{Key: key, Secret: true} }
	declared := security.Declared{}
	declared.Add("atlas", []manifest.EnvVar{secret("SHARED"), secret("ATLAS_KEY"), {Key: "LEVEL"}})
	declared.Add("board", []manifest.EnvVar{secret("SHARED"), secret("SHARED"), secret("BOARD_KEY")})
	declared.Add("chart", []manifest.EnvVar{secret("SHARED"), {Key: "ATLAS_KEY"}})
	tests := []struct {
		name, id string
		names    manifest.Service
		want     security.Secrets
	}{
		{name: "names nothing", id: "notes", want: security.Secrets{}},
		{name: "no secrets", id: "notes", names: manifest.Service{EnvVars: []manifest.EnvVar{{Key: "LEVEL"}}}, want: security.Secrets{}},
		{name: "the first to declare it has it", id: "notes", names: manifest.Service{EnvVars: []manifest.EnvVar{secret("SHARED")}}, want: security.Secrets{"SHARED": "atlas"}},
		{name: "the first of the others", id: "atlas", names: manifest.Service{EnvVars: []manifest.EnvVar{secret("SHARED")}}, want: security.Secrets{"SHARED": "board"}},
		{name: "its own alone", id: "atlas", names: manifest.Service{EnvVars: []manifest.EnvVar{secret("ATLAS_KEY")}}, want: security.Secrets{}},
		{name: "named as a port", id: "board", names: manifest.Service{ExternalPortEnv: "ATLAS_KEY"}, want: security.Secrets{"ATLAS_KEY": "atlas"}},
		{name: "named as a host", id: "atlas", names: manifest.Service{HostEnv: "BOARD_KEY"}, want: security.Secrets{"BOARD_KEY": "board"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := declared.Others(tt.id, &manifest.Manifest{Service: tt.names})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}
