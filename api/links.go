package api

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// linkTo is the address of a service's page. The host is one that [hosts] let in.
func linkTo(host string, port int, path string) string {
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(port))}
	return u.String() + "/" + strings.TrimPrefix(path, "/")
}

// externalLink is one entry of the dashboard's menu. The browser knows its own host.
type externalLink struct {
	ID      string   `json:"id"`
	Label   string   `json:"label"`
	Port    int      `json:"port" doc:"on the machine: where Docker publishes it now, else where it will be"`
	UIPath  string   `json:"ui_path"`
	Icon    string   `json:"icon" doc:"of lucide.dev"`
	Needles []string `json:"healthNeedles" minItems:"2" maxItems:"2" doc:"the id and the name, in lower case, by which older clients find the service in the list of services"`
	Local   bool     `json:"local" doc:"the port is published on loopback: no other machine reaches it"`
}

// listLinks is the enabled services that have a page of their own.
func (s *server) listLinks(context.Context, *struct{}) (*reply[[]externalLink], error) {
	out := []externalLink{}
	for _, e := range s.extensions.Snapshot().Entries {
		if !takesPart(e) || e.Reach.Port == 0 || e.Reach.Path == "" || e.ID == "dashboard-api" {
			continue
		}
		icon := e.Reach.Icon
		if icon == "" {
			icon = "ExternalLink"
		}
		out = append(out, externalLink{
			ID: e.ID, Label: e.Name, Port: e.Reach.Port, UIPath: e.Reach.Path, Icon: icon, Local: e.Reach.Local,
			Needles: []string{e.ID, strings.ToLower(e.Name)},
		})
	}
	return respond(out, nil)
}
