package compose_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

const baseText = `
services:
  llama-server: {image: llama}
  dashboard: {image: ui, depends_on: [api]}
  api: {image: api, volumes: ["models:/m"]}
networks: {default: {name: dream-network}}
volumes: {models: {}}
`

func base(t testing.TB) *compose.Unit {
	t.Helper()
	in := input("base", baseText)
	in.Base = true
	u := load(t, in)
	u.Place(here, true)
	return u
}

// units loads and places extensions, given as id and text in turn.
func units(t testing.TB, idsAndTexts ...string) []*compose.Unit {
	t.Helper()
	var all []*compose.Unit
	for pair := range slices.Chunk(idsAndTexts, 2) {
		u := load(t, input(pair[0], pair[1]))
		u.Place(here, false)
		all = append(all, u)
	}
	return all
}

func TestJoin_IsADisjointUnion(t *testing.T) {
	p, dropped := compose.Join(base(t), units(t,
		"web", `
services: {web: {image: x, depends_on: [llama-server, web-db], networks: [default, inner]}, web-db: {image: x, volumes: ["models:/m"], networks: [inner]}}
networks: {inner: {}, default: {driver: macvlan}}
volumes: {models: {}}`,
		"wiki", "services: {wiki: {image: x, depends_on: [web], volumes: ['models:/m']}}\nvolumes: {models: {}}",
	))
	if len(dropped) != 0 {
		t.Errorf("dropped %v, want none", dropped)
	}
	wantYAML(t, `
services:
  llama-server: {image: llama}
  dashboard: {image: ui, depends_on: {api: {condition: service_started, required: true}}}
  api: {image: api, volumes: [{type: volume, source: models, target: /m, volume: {}}]}
  web:
    image: x
    depends_on: {llama-server: {condition: service_started, required: true}, web-db: {condition: service_started, required: true}}
    networks: {default: null, web.inner: null}
  web-db: {image: x, volumes: [{type: volume, source: web.models, target: /m, volume: {}}], networks: {web.inner: null}}
  wiki:
    image: x
    depends_on: {web: {condition: service_started, required: true}}
    volumes: [{type: volume, source: wiki.models, target: /m, volume: {}}]
networks: {default: {name: test-net}, web.inner: {}}
volumes: {models: {}, web.models: {}, wiki.models: {}}
`, p)
}

func TestJoin_DropsAUnitThatDoesNotFit(t *testing.T) {
	tests := []struct {
		name  string
		text  string // of the extension web
		known []string
		want  string
	}{
		{
			name: "name of another", text: "services:\n  web: {image: x}\n  other: {image: x}\n",
			want: `compose.yaml:3: service "other" is not named like its extension; call it web or web-…`,
		},
		{
			name: "name without a dash", text: "services:\n  webdb: {image: x}\n",
			want: `compose.yaml:2: service "webdb" is not named like its extension; call it web or web-…`,
		},
		{
			name: "core service", text: "services:\n  dashboard: {image: x}\n",
			want: `compose.yaml:2: service "dashboard" is not named like its extension; call it web or web-…`,
		},
		{
			name: "name of a longer id that is loaded", text: "services:\n  web: {image: x}\n  web-admin-db: {image: x}\n",
			want: `compose.yaml:3: service "web-admin-db" is not named like its extension; call it web or web-…`,
		},
		{
			name: "name of a longer id that is not loaded", text: "services:\n  web-search: {image: x}\n", known: []string{"web-search"},
			want: `compose.yaml:2: service "web-search" is not named like its extension; call it web or web-…`,
		},
		{
			name: "dangling dependency", text: "services:\n  web:\n    image: x\n    depends_on:\n      - nobody\n",
			want: `compose.yaml:4: service "web" depends on "nobody", which no enabled extension defines; enable the extension that has "nobody", or remove the dependency`,
		},
		{
			name: "dangling dependency, long", text: "services:\n  web:\n    image: x\n    depends_on:\n      nobody: {condition: service_healthy}\n",
			want: `compose.yaml:5: service "web" depends on "nobody", which no enabled extension defines; enable the extension that has "nobody", or remove the dependency`,
		},
		{
			name: "network of nobody", text: "services:\n  web:\n    image: x\n    network_mode: service:web-vpn\n",
			want: `compose.yaml:4: service "web" uses the network of "web-vpn", which no enabled extension defines; name a service that exists`,
		},
		{
			name: "undefined network", text: "services:\n  web:\n    image: x\n    networks: [inner]\n",
			want: `compose.yaml:4: service "web" joins network "inner", which is not defined; define it under networks, or join dream-network`,
		},
		{
			name: "undefined volume", text: "services:\n  web:\n    image: x\n    volumes:\n      - ./data/web:/d\n      - models:/m\n",
			want: `compose.yaml:6: service "web" mounts volume "models", which is not defined; define it under volumes`,
		},
		{
			name: "undefined config", text: "services:\n  web:\n    image: x\n    configs: [site]\n",
			want: `compose.yaml:4: service "web" mounts config "site", which is not defined; define it under configs`,
		},
		{
			name: "undefined secret", text: "services:\n  web:\n    image: x\n    secrets: [token]\n",
			want: `compose.yaml:4: service "web" mounts secret "token", which is not defined; define it under secrets`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, dropped := compose.Join(base(t), units(t,
				"web", tt.text,
				"web-admin", "services: {web-admin: {image: x}}",
				"well", "services: {well: {image: x}}",
			), tt.known...)
			if len(dropped) != 1 || dropped[0].ID != "web" {
				t.Fatalf("dropped %v, want web alone", dropped)
			}
			wantRefusal(t, dropped[0].Err, problem.InvalidExtension, `extension "web": `+tt.want)
			got := slices.Sorted(maps.Keys(p.Services))
			if want := []string{"api", "dashboard", "llama-server", "web-admin", "well"}; !slices.Equal(got, want) {
				t.Errorf("services %q, want %q", got, want)
			}
		})
	}
}

func TestJoin_RefusesACoreServiceOfTheSameID(t *testing.T) {
	_, dropped := compose.Join(base(t), units(t, "dashboard", "services: {dashboard: {image: x}}"))
	if len(dropped) != 1 {
		t.Fatalf("dropped %v, want one", dropped)
	}
	wantRefusal(t, dropped[0].Err, problem.InvalidExtension,
		`extension "dashboard": compose.yaml:1: service "dashboard" conflicts with core service "dashboard"; give it another name`)
}

// Whoever can install an extension must not be able to take a service from a built-in one, or to keep it from running.
func TestJoin_GivesABuiltInExtensionItsNames(t *testing.T) {
	all := units(t, "web-db", "services: {web-db: {image: theirs}}", "web", "services: {web: {image: ours}, web-db: {image: ours}}")
	all[1].Source = compose.Builtin
	p, dropped := compose.Join(base(t), all, "web-db")
	if len(dropped) != 1 || dropped[0].ID != "web-db" || p.Services["web-db"].Image != "ours" {
		t.Fatalf("dropped %v, web-db is %q; want the installed one dropped", dropped, p.Services["web-db"].Image)
	}
	wantRefusal(t, dropped[0].Err, problem.InvalidExtension,
		`extension "web-db": compose.yaml:1: service "web-db" is a built-in extension's; give it another name`)
}

func TestJoin_DropsWhatDependsOnADroppedUnit(t *testing.T) {
	_, dropped := compose.Join(base(t), units(t,
		"a", "services: {a: {image: x, depends_on: [b]}}",
		"b", "services: {b: {image: x, depends_on: [c]}}",
		"c", "services: {c: {image: x}, oops: {image: x}}",
		"d", "services: {d: {image: x, depends_on: {c: {condition: service_started, required: false}}}}",
	))
	var got []string
	for _, d := range dropped {
		got = append(got, d.ID+": "+strings.TrimPrefix(d.Err.Error(), `extension "`+d.ID+`": `))
	}
	want := []string{
		`c: compose.yaml:1: service "oops" is not named like its extension; call it c or c-…`,
		`b: compose.yaml:1: service "b" depends on "c", which no enabled extension defines; enable the extension that has "c", or remove the dependency`,
		`a: compose.yaml:1: service "a" depends on "b", which no enabled extension defines; enable the extension that has "b", or remove the dependency`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

func TestJoin_ChangesNoUnit(t *testing.T) {
	b, us := base(t), units(t, "web", "services: {web: {image: x, volumes: ['v:/v']}}\nvolumes: {v: {}}")
	compose.Join(b, us)
	if got := len(b.Project.Services); got != 3 {
		t.Errorf("the base has %d services after Join, want 3", got)
	}
	if got := b.Project.Volumes; len(got) != 1 {
		t.Errorf("the base has volumes %v after Join, want models alone", got)
	}
}

func TestOwnsService(t *testing.T) {
	ids := []string{"web", "web-admin", "webby", "n8n"}
	tests := []struct {
		id, service string
		want        bool
	}{
		{"web", "web", true},
		{"web", "web-db", true},
		{"web", "webdb", false},
		{"web", "web_db", false},
		{"web", "web-admin", false},
		{"web", "web-admin-db", false},
		{"web", "web-administrator", true},
		{"web-admin", "web-admin-db", true},
		{"web-admin", "web", false},
		{"web", "n8n", false},
		{"web", "", false},
	}
	for _, tt := range tests {
		if got := compose.OwnsService(tt.id, tt.service, ids); got != tt.want {
			t.Errorf("OwnsService(%s, %s) = %t, want %t", tt.id, tt.service, got, tt.want)
		}
	}
}

func TestClosure(t *testing.T) {
	p, dropped := compose.Join(base(t), units(t,
		"web", `
services:
  web: {image: x, depends_on: {api: {condition: service_healthy}, nobody: {condition: service_started, required: false}}, networks: [inner], configs: [site], secrets: [token]}
  web-vpn: {image: x}
  web-tail: {image: x, network_mode: "service:web-vpn"}
networks: {inner: {}, unused: {}}
volumes: {unused: {}}
configs: {site: {content: a}, other: {content: b}}
secrets: {token: {file: ./t}, other: {file: ./o}}`,
		"wiki", "services: {wiki: {image: x, depends_on: [web-tail]}}",
		"alone", "services: {alone: {image: x, network_mode: none}}",
		"unrelated", "services: {unrelated: {image: x}}",
	))
	if len(dropped) != 0 {
		t.Fatalf("dropped %v", dropped)
	}
	tests := []struct {
		services []string
		want     string
	}{
		{[]string{"web"}, `
services:
  web:
    image: x
    depends_on: {api: {condition: service_healthy, required: true}}
    networks: {web.inner: null}
    configs: [{source: web.site}]
    secrets: [{source: web.token, target: /run/secrets/token}]
  api: {image: api, volumes: [{type: volume, source: models, target: /m, volume: {}}]}
networks: {default: {name: test-net}, web.inner: {}}
volumes: {models: {}}
configs: {web.site: {content: a}}
secrets: {web.token: {file: /state/trees/0123/t}}`},
		{[]string{"wiki"}, `
services:
  wiki: {image: x, depends_on: {web-tail: {condition: service_started, required: true}}}
  web-tail: {image: x, network_mode: "service:web-vpn"}
  web-vpn: {image: x}
networks: {default: {name: test-net}}`},
		{[]string{"alone"}, "services: {alone: {image: x, network_mode: none}}"},
		{[]string{"dashboard", "nobody"}, `
services:
  dashboard: {image: ui, depends_on: {api: {condition: service_started, required: true}}}
  api: {image: api, volumes: [{type: volume, source: models, target: /m, volume: {}}]}
networks: {default: {name: test-net}}
volumes: {models: {}}`},
		{nil, "services: {}"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.services, " "), func(t *testing.T) {
			wantYAML(t, tt.want, compose.Closure(p, tt.services))
		})
	}
	if got := p.Services["web"].DependsOn; len(got) != 2 {
		t.Errorf("Closure changed the project: web depends on %v", got)
	}
}

// A chain of dependencies that ends where it began must not be walked for ever; docker compose says what is wrong.
func TestClosure_EndsInACycle(t *testing.T) {
	p := &types.Project{Services: types.Services{
		"a": {DependsOn: types.DependsOnConfig{"b": {Required: true}}},
		"b": {DependsOn: types.DependsOnConfig{"a": {Required: true}}},
	}}
	if got := len(compose.Closure(p, []string{"a"}).Services); got != 2 {
		t.Errorf("%d services, want both", got)
	}
}
