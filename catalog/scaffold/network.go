package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// stores are images that keep data for others and talk to nobody else.
var stores = []string{
	"postgres", "postgis", "pgvector", "timescaledb", "mysql", "mariadb", "percona", "redis", "valkey", "keydb", "dragonfly", "mongo", "memcached",
	"rabbitmq", "nats", "zookeeper", "kafka", "etcd", "elasticsearch", "opensearch", "clickhouse-server", "couchdb", "influxdb", "neo4j",
}

// base is the last part of an image's name: postgres for docker.io/library/postgres:16.
func base(image string) string {
	image = image[strings.LastIndexByte(image, '/')+1:]
	end := strings.IndexAny(image, ":@")
	if end < 0 {
		return image
	}
	return image[:end]
}

func (s *service) keepsData() bool { return slices.Contains(stores, base(text(get(s.in, "image")))) }

// networkMode keeps what stays inside the extension.
func (s *service) networkMode(key string, n *yaml.Node) {
	if old, ok := strings.CutPrefix(n.Value, "service:"); ok {
		if other := s.c.find(old); other != nil && other != s {
			s.out[key], s.apart = words("service:"+other.name), true
			return
		}
	}
	switch n.Value {
	case "bridge", "default":
	case "none":
		s.out[key], s.apart = n, true
	default:
		s.c.note(Refused, n, s.path(key), n.Value+" is not the extension's own network", "it is on the platform's network instead")
	}
}

// join gives the service its networks. Helpers reach each other on one that nobody else is on; those that keep data are
// on no other.
func (s *service) join() {
	if s.apart {
		return
	}
	shared := s == s.c.main || s.published || !s.keepsData()
	var names []string
	if shared {
		names = append(names, "dream-network")
	}
	if s.c.internal() {
		names = append(names, s.c.internalNetwork())
	}
	if !s.c.internal() || !s.calledByOldName() {
		s.out["networks"] = list(names...)
		return
	}
	n := mapping()
	for _, name := range names {
		if name == s.c.internalNetwork() {
			set(n, nil, name, mapping("aliases", list(s.old)))
		} else {
			set(n, nil, name, mapping())
		}
	}
	s.out["networks"] = n
	s.c.note(Changed, s.key, s.path(), "is reached as "+s.old+", too, inside the extension, because files or commands may call it so", "")
}

var dnsName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z`)

// calledByOldName reports whether something that is not rewritten may call the service by the name that it had: a file
// that is mounted, or a word in a command.
func (s *service) calledByOldName() bool {
	if s.old == s.name || !dnsName.MatchString(s.old) || slices.Contains(s.c.known.hosts(), s.old) {
		return false
	}
	if len(s.c.ships) > 0 && s != s.c.main {
		return true
	}
	word := regexp.MustCompile(`(^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(s.old) + `($|[^A-Za-z0-9_.-])`)
	for _, other := range s.c.services {
		for _, key := range []string{"command", "entrypoint"} {
			called := false
			scalars(other.out[key], func(n *yaml.Node) { called = called || word.MatchString(n.Value) })
			if called && other != s {
				return true
			}
		}
	}
	return false
}

// links keep their old name as an alias.
func (s *service) links(key string, n *yaml.Node) {
	kept := &yaml.Node{Kind: yaml.SequenceNode}
	for _, item := range items(n) {
		old, alias, named := strings.Cut(item.Value, ":")
		other := s.c.find(old)
		switch {
		case other == nil:
			s.c.note(LeftOut, item, s.path(key), fmt.Sprintf("there is no service %q", old), "")
			continue
		case !named:
			alias = old
		}
		if slices.Contains(s.c.known.hosts(), alias) {
			s.c.note(LeftOut, item, s.path(key), fmt.Sprintf("%q is the name of another extension", alias), "call it "+other.name)
			continue
		}
		kept.Content = append(kept.Content, words(other.name+":"+alias))
	}
	if len(kept.Content) > 0 {
		s.out[key] = kept
	}
}

// hosts gives services that a text names as hosts their new names. Only what can be nothing else is a host: after :// or
// @, before a port, or the whole value of a variable such as DB_HOST.
func (c *converter) hosts(at, key string, n *yaml.Node) string {
	value := n.Value
	for _, other := range c.services {
		if other.name == other.old || !strings.Contains(value, other.old) {
			continue
		}
		if value == other.old && hostKey.MatchString(key) {
			value = other.name
		}
		for _, host := range other.asHost() {
			value = host.ReplaceAllString(value, "${1}"+other.name+"${2}")
		}
	}
	if value != n.Value {
		c.note(Changed, n, at, "reaches its services by their new names", "")
	}
	return value
}

// asHost are the places of a text where the service's old name can be nothing but a host.
func (s *service) asHost() []*regexp.Regexp {
	if s.hostPatterns == nil {
		name := regexp.QuoteMeta(s.old)
		for _, pattern := range []string{
			`(://(?:[^@\n]*@)?)` + name + `($|[:/?#\s"',])`,
			`(^|[\s,;=@(\["'])` + name + `(:\d)`,
			`(\bhost=)` + name + `($|[\s;])`,
			`(\s-h\s+)` + name + `($|\s)`,
		} {
			s.hostPatterns = append(s.hostPatterns, regexp.MustCompile(pattern))
		}
	}
	return s.hostPatterns
}

// hostKey is the name of a variable whose whole value is a host.
var hostKey = regexp.MustCompile(`(?i)(HOST|HOSTNAME|HOSTS|SERVER|ADDR|ADDRESS|ENDPOINT)$`)

// dependsOn keeps what a service waits for, by the new names.
func (s *service) dependsOn() {
	from := get(s.in, "depends_on")
	if from == nil {
		return
	}
	n := mapping()
	wait := func(at *yaml.Node, old, condition string) {
		other := s.c.find(old)
		switch {
		case other == nil:
			s.c.note(LeftOut, at, s.path("depends_on", old), "there is no such service in the extension", "")
			return
		case condition == "service_healthy" && other.out["healthcheck"] == nil:
			s.c.note(Changed, at, s.path("depends_on", old), "waits until it is started: it has no healthcheck", "")
			condition = "service_started"
		case condition == "" && other.out["healthcheck"] != nil:
			condition = "service_healthy"
		case condition == "":
			condition = "service_started"
		}
		if other != s && get(n, other.name) == nil {
			set(n, nil, other.name, mapping("condition", words(condition)))
		}
	}
	for _, item := range items(from) {
		if item.Kind == yaml.ScalarNode {
			wait(item, item.Value, "")
		}
	}
	for key, value := range pairs(from) {
		wait(key, key.Value, text(get(value, "condition")))
	}
	if len(n.Content) > 0 {
		s.out["depends_on"] = n
	}
}
