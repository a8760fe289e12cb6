package audit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// definitions are the places where compose files define the service of the extension's id.
func (f *folder) definitions() []spot { return f.defined(f.id) }

func (f *folder) defined(name string) []spot {
	var all []spot
	for _, x := range f.fragments {
		if s := x.root.at("services").at(name); s.isMapping() {
			all = append(all, spot{s, x.name})
		}
	}
	return all
}

// services are all definitions of all services.
func (f *folder) services() []spot {
	var all []spot
	for _, x := range f.fragments {
		for _, s := range x.root.at("services").keys() {
			all = append(all, spot{s, x.name})
		}
	}
	return all
}

// containers are the container names that manifest and compose files give.
func (f *folder) containers() []spot {
	var all []spot
	if c := f.service.at("container_name"); !c.blank() {
		all = append(all, spot{value: c})
	}
	for _, s := range f.services() {
		if c := s.at("container_name"); !c.blank() && !slices.ContainsFunc(all, func(o spot) bool { return o.text() == c.text() }) {
			all = append(all, spot{c, s.file})
		}
	}
	return all
}

// hostPort is a port on this machine, such as 8080/tcp, and where it is written.
type hostPort struct {
	port string
	at   spot
}

// hostPorts are the ports on this machine that manifest and compose files give by default.
func (f *folder) hostPorts() []hostPort {
	var all []hostPort
	for _, s := range f.services() {
		for _, p := range ports(s.value, f) {
			for _, h := range p.host() {
				all = append(all, hostPort{h, spot{p.at, s.file}})
			}
		}
	}
	if p := f.service.at("external_port_default"); p.number() > 0 {
		all = append(all, hostPort{strconv.Itoa(p.number()) + "/tcp", spot{value: p}})
	}
	return all
}

// checkDefinitions compares the compose files with the manifest.
func (f *folder) checkDefinitions() {
	if f.core() {
		return // its containers are in the base files
	}
	defs := f.definitions()
	if len(defs) == 0 {
		if x := f.main(); !x.disabled {
			f.add("compose-service-missing", x.name, x.root.at("services").line, "", "no compose file defines the service "+quote(f.id))
		}
		return
	}
	if c := f.service.at("container_name"); !c.blank() && !slices.ContainsFunc(defs, func(d spot) bool { return d.at("container_name").text() == c.text() }) {
		f.find("container-name-mismatch", c, "is %s, and no definition of %s has it", quote(c.text()), f.id)
	}
	f.checkInside(defs)
	f.checkHealth(defs)
}

// checkInside compares the ports of the definitions with the manifest's.
func (f *folder) checkInside(defs []spot) {
	port, env := f.service.at("port"), f.service.at("external_port_env").text()
	inside, reads := false, false
	for _, d := range defs {
		for _, p := range ports(d.value, f) {
			inside = inside || p.inside(port.number())
			reads = reads || slices.ContainsFunc(variablesIn(p.text), func(v variable) bool { return v.key == env })
		}
		for _, e := range d.at("expose").texts() {
			number, _, _ := strings.Cut(e.text(), "/")
			inside = inside || number == port.text()
		}
	}
	if port.number() > 0 && !inside {
		f.find("compose-port-mismatch", port, "is %d, and no definition of %s has it inside the container", port.number(), f.id)
	}
	if name := f.service.at("external_port_env"); env != "" && !reads && !f.known[name.path] {
		f.find("compose-port-env-unused", name, "is %s, which no published port reads", env)
	}
}

// publishesNothing reports whether the service has compose files, and they name no port.
func (f *folder) publishesNothing() bool {
	defs := f.definitions()
	return len(defs) > 0 && !slices.ContainsFunc(defs, func(d spot) bool { return len(d.at("ports").items())+len(d.at("expose").items()) > 0 })
}

// speaksNoHTTP reports whether the service has a healthcheck that asks for no address.
func (f *folder) speaksNoHTTP() bool {
	tests := 0
	for _, d := range f.definitions() {
		if test := d.at("healthcheck").at("test"); test.given() {
			if tests++; len(addresses(probe(test))) > 0 {
				return false
			}
		}
	}
	return tests > 0
}

// checkHealth compares the healthchecks with the manifest.
func (f *folder) checkHealth(defs []spot) {
	some := false
	for _, d := range defs {
		h := d.at("healthcheck")
		some = some || h.given() && h.at("disable").text() != "true"
		f.compareHealth(spot{h.at("test"), d.file})
	}
	if !some {
		f.add("healthcheck-missing", defs[0].file, defs[0].line, "", "the service "+f.id+" has no healthcheck")
	}
	for _, s := range f.services() {
		test := s.at("healthcheck").at("test")
		if localhost.MatchString(probe(test)) {
			f.add("healthcheck-localhost", s.file, test.line, "", "the healthcheck of "+s.key+" names localhost")
		}
	}
}

var localhost = regexp.MustCompile(`(?:^|[^\w.-])localhost(?:$|[^\w.-])`)

// compareHealth compares the addresses that the healthcheck asks for with what the manifest says.
func (f *folder) compareHealth(test spot) {
	path, _, _ := strings.Cut(f.service.at("health").text(), "?") // as [addresses] has them
	port := f.service.at("port").number()
	if p := f.service.at("health_port").number(); p > 0 {
		port = p
	}
	asked := addresses(fill(probe(test.value), f))
	if len(asked) == 0 || !strings.HasPrefix(path, "/") || port < 1 || slices.Contains(asked, address{port, path}) {
		return
	}
	f.add("healthcheck-mismatch", test.file, test.line, "",
		fmt.Sprintf("the healthcheck asks for port %d and %s, and the manifest names %d and %s", asked[0].port, asked[0].path, port, path))
}

// probe is the command of a healthcheck as one text.
func probe(test value) string {
	if len(test.items()) == 0 {
		return test.text()
	}
	var words []string
	for _, w := range test.texts() {
		words = append(words, w.text())
	}
	return strings.Join(words, " ")
}

// address is what a healthcheck asks for over HTTP, without a query.
type address struct {
	port int
	path string
}

var (
	asURL   = regexp.MustCompile(`https?://(?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1\])(?::(\d+))?(/[^\s'"` + "`" + `,)?#;|&>]*)?`)
	asHost  = regexp.MustCompile(`/dev/tcp/(?:127\.0\.0\.1|localhost)/(\d+)`)
	request = regexp.MustCompile(`\b(?:GET|HEAD) (/\S*) HTTP/`)
)

// addresses are those that the command asks for, written as URLs or by hand with bash.
func addresses(probe string) []address {
	var all []address
	for _, m := range asURL.FindAllStringSubmatch(probe, -1) {
		a := address{80, "/"}
		if strings.HasPrefix(m[0], "https") {
			a.port = 443
		}
		if m[1] != "" {
			a.port, _ = strconv.Atoi(m[1])
		}
		if m[2] != "" {
			a.path = m[2]
		}
		all = append(all, a)
	}
	if host, line := asHost.FindStringSubmatch(probe), request.FindStringSubmatch(probe); host != nil && line != nil {
		port, _ := strconv.Atoi(host[1])
		path, _, _ := strings.Cut(line[1], "?")
		all = append(all, address{port, path})
	}
	return all
}
