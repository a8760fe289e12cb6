package compose_test

import (
	"strings"
	"testing"

	"dreamserver/compose"
	"dreamserver/config"
)

// here is an installation whose names are not those of the shipped files.
var here = compose.Place{
	Names:      config.Names{Project: "test", Network: "test-net", Prefix: "test-"},
	InstallDir: "/srv/dream", DataDir: "/var/dream", OwnDir: "/state/trees/0123",
}

func placed(t *testing.T, source compose.Source, text string) *compose.Unit {
	t.Helper()
	in := input("web", text)
	in.Source = source
	u := load(t, in)
	u.Place(here, false)
	return u
}

func TestPlace_PutsRelativePathsWhereTheyBelong(t *testing.T) {
	tests := []struct{ source, user, builtin string }{
		{"./data", "/var/dream", "/var/dream"},
		{"./data/web/db", "/var/dream/web/db", "/var/dream/web/db"},
		{"./data/../data/other", "/var/dream/other", "/var/dream/other"},
		{"./data2", "/state/trees/0123/data2", "/srv/dream/data2"},
		{"./conf/web.yaml", "/state/trees/0123/conf/web.yaml", "/srv/dream/conf/web.yaml"},
		{"./config/web", "/state/trees/0123/config/web", "/srv/dream/config/web"},
		{".", "/state/trees/0123", "/srv/dream"},
		{"./extensions/services/web/x", "/state/trees/0123/x", "/state/trees/0123/x"},
		{"./extensions/services/web", "/state/trees/0123", "/state/trees/0123"},
		{"./extensions/services/web-2/x", "/state/trees/0123/extensions/services/web-2/x", "/srv/dream/extensions/services/web-2/x"},

		// What climbs out is absolute then, and what was absolute stays: the scan sees it.
		{"../etc", "/state/trees/etc", "/srv/etc"},
		{"./data/../../../../etc", "/etc", "/etc"},
		{"./conf/../../../../../../etc", "/etc", "/etc"},
		{"/etc", "/etc", "/etc"},
		{"~/.ssh", "~/.ssh", "~/.ssh"},
		{"~", "~", "~"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			for source, want := range map[compose.Source]string{compose.User: tt.user, compose.Builtin: tt.builtin} {
				u := placed(t, source, `services: {web: {image: x, volumes: [{type: bind, source: "`+tt.source+`", target: /t}]}}`)
				if got := u.Project.Services["web"].Volumes[0].Source; got != want {
					t.Errorf("%s: %s is placed at %s, want %s", source, tt.source, got, want)
				}
			}
		})
	}
}

func TestPlace_NamespacesWhatAnExtensionDefines(t *testing.T) {
	u := placed(t, compose.User, `
services:
  web:
    image: x
    container_name: dream-web
    networks: {default: , inner: {aliases: [w]}}
    volumes: ["cache:/cache", "/anonymous", "./data/web:/data"]
    configs: [{source: site, target: /site}]
    secrets: [token]
  web-db: {image: x, container_name: mydream-db, networks: [inner]}
networks: {inner: {internal: true}}
volumes: {cache: {}, unused: {}}
configs: {site: {file: ./site.conf}, inline: {content: "a"}}
secrets: {token: {file: ./data/web/token}}
`)
	wantYAML(t, `
services:
  web:
    image: x
    container_name: test-web
    networks: {default: null, web.inner: {aliases: [w]}}
    volumes:
      - {type: volume, source: web.cache, target: /cache, volume: {}}
      - {type: volume, target: /anonymous, volume: {}}
      - {type: bind, source: /var/dream/web, target: /data, bind: {}}
    configs: [{source: web.site, target: /site}]
    secrets: [{source: web.token, target: /run/secrets/token}]
  web-db: {image: x, container_name: mydream-db, networks: {web.inner: null}}
networks: {web.inner: {internal: true}}
volumes: {web.cache: {}, web.unused: {}}
configs: {web.site: {file: /state/trees/0123/site.conf}, web.inline: {content: a}}
secrets: {web.token: {file: /var/dream/web/token}}
`, u.Project)
}

func TestPlace_ThePlatformsNetworkIsTheDefaultOne(t *testing.T) {
	tests := []struct{ name, networks, joins, want string }{
		{"by its shipped name", "{dream-network: {external: true}}", "[dream-network]", "{default: null}"},
		{"by name:", "{shared: {external: true, name: dream-network}}", "[shared]", "{default: null}"},
		{"by the name that it has here", "{test-net: {external: true}}", "[test-net]", "{default: null}"},
		{"default declared external", "{default: {external: true, name: dream-network}}", "[default]", "{default: null}"},
		{"with aliases", "{dream-network: {external: true}}", "{dream-network: {aliases: [w]}}", "{default: {aliases: [w]}}"},
		{
			"twice", "{dream-network: {external: true}, other: {external: true, name: test-net}}",
			"{default: {aliases: [a]}, dream-network: {aliases: [b]}, other: }", "{default: {aliases: [a, b]}}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 10 { // maps have no order
				u := placed(t, compose.User, "services: {web: {image: x, networks: "+tt.joins+"}}\nnetworks: "+tt.networks)
				wantYAML(t, "services: {web: {image: x, networks: "+tt.want+"}}", u.Project)
			}
		})
	}
}

func TestPlace_LeavesOthersNetworksForTheScan(t *testing.T) {
	u := placed(t, compose.User, `
services: {web: {image: x, networks: [host, dream-network]}}
networks: {host: {external: true}, dream-network: {driver: macvlan}}
`)
	wantYAML(t, `
services: {web: {image: x, networks: {web.host: null, web.dream-network: null}}}
networks: {web.host: {external: true}, web.dream-network: {driver: macvlan}}
`, u.Project)
}

// An extension that built `open-webui:latest` would run in the place of the real one.
func TestPlace_NamesWhatAnExtensionBuilds(t *testing.T) {
	for _, image := range []string{"", "image: ghcr.io/open-webui/open-webui:v0.7.2, "} {
		u := placed(t, compose.User, "services: {web: {"+image+"build: .}}")
		wantYAML(t, "services: {web: {image: test-web, build: {context: /state/trees/0123}}}", u.Project)
	}
}

func TestPlace_OfTheBase(t *testing.T) {
	in := input("base", `
services:
  api: {image: x, container_name: dream-api, volumes: ["./data/models:/m:ro", "./run:/run", "cache:/c"], build: {context: ./src}}
networks: {default: {name: dream-network}, inner: {}}
volumes: {cache: {}}
`)
	in.Base = true
	u := load(t, in)
	u.Place(here, true)
	wantYAML(t, `
services:
  api:
    image: x
    container_name: test-api
    build: {context: /srv/dream/src}
    volumes:
      - {type: bind, source: /var/dream/models, target: /m, read_only: true, bind: {}}
      - {type: bind, source: /srv/dream/run, target: /run, bind: {}}
      - {type: volume, source: cache, target: /c, volume: {}}
networks: {default: {name: test-net}, inner: {}}
volumes: {cache: {}}
`, u.Project)
}

func TestPlace_KeepsNamesThatWerePlacedBefore(t *testing.T) {
	in := input("override", "services: {web: {image: x, container_name: dream-web}}")
	in.Base = true
	u := load(t, in)
	again := here
	again.KeepNames = true
	u.Place(again, true)
	if got := u.Project.Services["web"].ContainerName; got != "dream-web" {
		t.Errorf("container_name is %q, want dream-web as it was", got)
	}
}

func TestPlace_LeavesURLsAlone(t *testing.T) {
	u := placed(t, compose.User, "services: {web: {build: {context: https://example.com/x.git}}}")
	if got := u.Project.Services["web"].Build.Context; !strings.HasPrefix(got, "https://") {
		t.Errorf("build.context is %q, want the URL, for the scan to refuse", got)
	}
}
