package scaffold

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// probe asks the service over HTTP with what its image has of two tools.
func probe(port int, path string) string {
	url := shellWord(healthAddress(port, path))
	return "wget -q -O /dev/null " + url + " || curl -fsS -o /dev/null " + url
}

func healthAddress(port int, path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", port, path)
}

// shellWord is an address with a [healthPath] as a shell reads it as one word.
func shellWord(url string) string {
	if strings.ContainsAny(url, "?&") {
		return "'" + url + "'"
	}
	return url
}

// ownChecks are the commands that images bring for the purpose, and that need no password.
var ownChecks = map[string]string{
	"postgres": "pg_isready -q -h 127.0.0.1", "postgis": "pg_isready -q -h 127.0.0.1", "pgvector": "pg_isready -q -h 127.0.0.1", "timescaledb": "pg_isready -q -h 127.0.0.1",
	"redis": "redis-cli ping", "valkey": "valkey-cli ping", "mysql": "mysqladmin ping -h 127.0.0.1", "mariadb": "mariadb-admin ping -h 127.0.0.1",
	"mongo": "mongosh --quiet --eval 1", "rabbitmq": "rabbitmq-diagnostics -q ping",
}

var (
	localhost = regexp.MustCompile(`(^|[^A-Za-z0-9_.-])(?:localhost|0\.0\.0\.0|\[::1\])($|[^A-Za-z0-9_.-])`)
	healthURL = regexp.MustCompile(`https?://[^/\s"']+(/[A-Za-z0-9._~/=%-]*(?:\?[A-Za-z0-9._~/?=&%-]*)?)`)
)

// healthcheck keeps the check that the compose file has. In a container localhost may be ::1, where nobody listens.
func (s *service) healthcheck(key string, n *yaml.Node) {
	test := get(n, "test")
	if text(get(n, "disable")) == "true" || len(items(test)) == 0 || items(test)[0].Value == "NONE" {
		return
	}
	scalars(test, func(at *yaml.Node) {
		if value := localhost.ReplaceAllString(at.Value, "${1}127.0.0.1${2}"); value != at.Value {
			s.c.note(Changed, at, s.path(key, "test"), "asks 127.0.0.1: localhost may be ::1", "")
			at.Value = value
		}
		if m := healthURL.FindStringSubmatch(at.Value); m != nil && s == s.c.main && s.c.options.Health == "" && s.c.result.Health == "" {
			s.c.result.Health = m[1]
		}
	})
	s.out[key] = n
}

// unchecked says which line a service lacks that nobody can tell whether it works. One that ends by itself needs none.
func (s *service) unchecked() {
	if s.out["healthcheck"] != nil || s != s.c.main && s.ends() {
		return
	}
	test, again := `["CMD", "COMMAND", "ARGUMENT"]`, ""
	if s == s.c.main && s.c.result.Port != 0 {
		test, again = `["CMD-SHELL", "`+probe(s.c.result.Port, "/PATH")+`"]`, s.c.again("--health /PATH")+", or "
	}
	s.c.result.Unchecked = s.c.result.Unchecked || s == s.c.main
	s.c.note(Todo, s.key, s.path(), "has no healthcheck, so nobody can tell whether it works",
		again+"add to "+s.name+" in compose.yaml, with a command that its image has: healthcheck: {test: "+test+", interval: 10s, timeout: 5s, retries: 6}")
}

// ends reports whether the service is one that does its work and ends.
func (s *service) ends() bool {
	restart := text(s.out["restart"])
	return restart == "no" || strings.HasPrefix(restart, "on-failure")
}

// check gives a service without a healthcheck one that is known to work, or that was asked for.
func (s *service) check() {
	command := ownChecks[base(text(s.out["image"]))]
	if s == s.c.main && s.c.options.Health != "" && s.c.result.Port != 0 {
		s.c.result.Health = s.c.options.Health
		command = probe(s.c.result.Port, s.c.options.Health)
	}
	if s.out["healthcheck"] != nil || command == "" {
		return
	}
	test := []string{"CMD-SHELL", command}
	if !strings.Contains(command, "||") {
		test = append([]string{"CMD"}, strings.Fields(command)...)
	}
	s.out["healthcheck"] = mapping("test", list(test...), "interval", words("10s"), "timeout", words("5s"), "retries", scalar("6"), "start_period", words("30s"))
	s.c.note(Changed, s.key, s.path("healthcheck"), "asks "+command, "")
}
