package scaffold

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// storePorts are where services listen that keep data for others. Inside the extension they are reached by name.
var storePorts = map[int]bool{
	1433: true, 2181: true, 2379: true, 3306: true, 4222: true, 5432: true, 5672: true, 6379: true, 9092: true, 9200: true, 9300: true, 11211: true, 27017: true, 33060: true,
}

// publishing is one port of a service, as the compose file has it.
type publishing struct {
	host, target int // host is 0 where Docker is to choose
	protocol     string
}

// ports publishes them on loopback, each on a port that the owner can set.
func (s *service) ports(key string, n *yaml.Node) {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	for i, item := range items(n) {
		at := s.path(key, strconv.Itoa(i))
		p, why := readPort(item)
		switch {
		case why != "":
			s.c.note(LeftOut, item, at, why, "write each port on a line of its own")
			continue
		case s != s.c.main && storePorts[p.target]:
			s.c.note(LeftOut, item, at, fmt.Sprintf("port %d is for the extension's own services, which reach it without", p.target), "")
			continue
		}
		out.Content = append(out.Content, s.publish(item, at, p))
	}
	if len(out.Content) > 0 {
		s.out[key], s.published = out, true
	}
}

// publish gives a port its variable.
func (s *service) publish(item *yaml.Node, at string, p publishing) *yaml.Node {
	variable, first := s.portVariable(p)
	host := 0
	if first {
		host = s.c.options.HostPort
	}
	if host == 0 {
		host = s.c.known.FreePort(p.host)
	}
	s.c.known.Take(host, s.c.options.ID)
	if first {
		s.c.result.Port, s.c.result.HostPort = p.target, host
	} else {
		variable = s.c.variables.port(variable, host, p.target)
	}
	text := fmt.Sprintf("127.0.0.1:${%s:-%d}:%d", variable, host, p.target)
	if p.protocol == "udp" {
		text += "/udp"
	}
	message := "is published on this machine alone, as " + text
	if p.host != 0 && p.host != host {
		message += fmt.Sprintf(", because %d is taken or belongs to the machine", p.host)
	}
	if item != nil {
		s.c.note(Changed, item, at, message, "")
	}
	return quoted(text)
}

// portVariable names the variable, and reports whether the port is the extension's first.
func (s *service) portVariable(p publishing) (name string, first bool) {
	asked := s.c.options.Port
	if s == s.c.main && s.c.result.Port == 0 && p.protocol != "udp" && (asked == 0 || asked == p.target) {
		return s.c.options.Prefix + "_PORT", true
	}
	name = fmt.Sprintf("%s%s_PORT_%d", s.c.options.Prefix, strings.TrimPrefix(Prefix(s.name), Prefix(s.c.options.ID)), p.target)
	if p.protocol == "udp" {
		name += "_UDP"
	}
	return name, false
}

// listen publishes the port that was asked for where the compose file publishes none such, or the first that it exposes.
func (s *service) listen() {
	if s != s.c.main || s.c.result.Port != 0 || s.apart {
		return
	}
	port := s.c.options.Port
	for _, item := range items(get(s.in, "expose")) {
		if number, err := strconv.Atoi(strings.TrimSuffix(item.Value, "/tcp")); err == nil && port == 0 && number > 0 && number <= 65535 {
			port = number
		}
	}
	if port == 0 {
		return
	}
	entry := s.publish(nil, "", publishing{target: port, host: port})
	if s.out["ports"] == nil {
		s.out["ports"] = &yaml.Node{Kind: yaml.SequenceNode}
	}
	s.out["ports"].Content = append([]*yaml.Node{entry}, s.out["ports"].Content...)
	s.published = true
	s.c.note(Changed, s.key, s.path("ports"), "publishes "+entry.Value, "")
}

// readPort reads the short form and the long form, with the defaults of the variables in them.
func readPort(n *yaml.Node) (p publishing, why string) {
	target, host, protocol := "", "", "tcp"
	if n.Kind == yaml.MappingNode {
		target, host = defaults(text(get(n, "target"))), defaults(text(get(n, "published")))
		if word := text(get(n, "protocol")); word != "" {
			protocol = word
		}
	} else {
		value := defaults(text(n))
		if at := strings.LastIndexByte(value, '/'); at >= 0 {
			value, protocol = value[:at], value[at+1:]
		}
		if at := strings.LastIndexByte(value, ':'); at >= 0 {
			value, target = value[:at], value[at+1:]
			if at := strings.LastIndexByte(value, ':'); at >= 0 {
				if _, err := netip.ParseAddr(strings.Trim(value[:at], "[]")); err != nil {
					return p, "is not understood"
				}
				value = value[at+1:]
			}
			host = value
		} else {
			target = value
		}
	}
	p.protocol = protocol
	var err1, err2 error
	p.target, err1 = strconv.Atoi(target)
	if host != "" {
		p.host, err2 = strconv.Atoi(host)
	}
	switch {
	case strings.Contains(target, "-"):
		return p, "is a range of ports"
	case protocol != "tcp" && protocol != "udp":
		return p, "is neither TCP nor UDP"
	case err1 != nil || err2 != nil || p.target < 1 || p.target > 65535:
		return p, "is not understood: a variable without a default, or no number"
	}
	return p, ""
}
