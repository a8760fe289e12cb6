// Package drift says where a container is not as it was approved: made by hand, by another program, or wrongly by us. It
// decides and looks at nothing itself: who calls reads the approved files and asks the engine.
//
//	drift.go    a report and its findings; which container is whose
//	compare.go  one service and one container      wanted.go  what a service should have become
//	content.go  what it runs: values are not told
package drift

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/compose"
)

// Comparison is what a comparison came to.
type Comparison struct {
	At         time.Time    `json:"at"`
	Took       float64      `json:"took_ms"`
	Containers int          `json:"containers"` // that were looked at: those that are up
	Approved   int          `json:"approved"`   // files that they were compared with
	Findings   []Divergence `json:"findings"`
	// Changing are extensions that were being changed meanwhile, of which nothing is said.
	Changing []string `json:"changing,omitempty"`
	// Problem is why there is none: At is when it was tried last, and the findings are those of the time before.
	Problem string `json:"problem,omitempty"`
}

// Divergence is one difference.
type Divergence struct {
	Extension string `json:"extension,omitempty"` // or core service; empty where nobody knows
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"`
	What      string `json:"what"` // privileged, mounts, …, or unknown, outside, files: docs/policies.md has them all
	Want      string `json:"want"` // as approved; empty for nothing
	Have      string `json:"have"` // as it is; empty for nothing
	Message   string `json:"message"`
	Fix       string `json:"fix"`
}

// What else there is beside the names in compare.go.
const (
	Unknown = "unknown" // no approved file has the container's service
	Outside = "outside" // the host agent did not make it, but it has the name, or the labels, of one that it makes
	Files   = "files"   // the extension's files are others than those that were started
	Oneoff  = "one-off" // docker compose run made it
)

// Approved is what was approved for one extension or core service.
type Approved struct {
	ID      string
	Core    bool      // it is a core service, which is no extension
	At      time.Time // when
	Project *types.Project
	// Containers are those that the last start that worked has made: name → id.
	Containers map[string]string
}

// Made is what the host agent knows to have made.
type Made struct {
	Containers map[string][]Container // by name; several where it was made anew meanwhile
	Making     map[string]bool        // services of which it does not know: it was killed while it made them
}

// Container is one that the host agent has made.
type Container struct {
	ID     string `json:"id"`
	Config string `json:"config,omitempty"` // docker compose's digest of what it was made from
}

// has reports whether the agent has made this very container, or may have.
func (m Made) has(c compose.Inspected) bool {
	return m.Making[c.Service] || slices.ContainsFunc(m.Containers[c.Name], func(known Container) bool { return known.ID == c.ID })
}

// alike reports whether docker compose would take the container for the one that the agent has made, and leave it as it is.
func (m Made) alike(c compose.Inspected) bool {
	known := m.Containers[c.Name]
	return len(known) == 0 || c.ConfigDigest == "" || slices.ContainsFunc(known, func(k Container) bool { return k.Config == "" || k.Config == c.ConfigDigest })
}

// owner is the approved file of which the service is the extension's own; nil for none.
func owner(approved []Approved, service string) *Approved {
	var ids []string
	for _, a := range approved {
		ids = append(ids, a.ID)
	}
	for i, a := range approved {
		if _, ok := a.Project.Services[service]; ok && compose.OwnsService(a.ID, service, ids) {
			return &approved[i]
		}
	}
	return nil
}

// newest is the file that was approved last of those that have the service; nil for none. A dependency is brought up with
// whatever needs it, from that one's file.
func newest(approved []Approved, service string) *Approved {
	var last *Approved
	for i, a := range approved {
		if _, ok := a.Project.Services[service]; ok && (last == nil || a.At.After(last.At)) {
			last = &approved[i]
		}
	}
	return last
}

// Names are those of the containers that the approved files make, with their services.
func Names(project string, approved []Approved) map[string]string {
	names := map[string]string{}
	for _, a := range approved {
		for service, s := range a.Project.Services {
			if s.ContainerName != "" {
				names[s.ContainerName] = service
				continue
			}
			for n := 1; n <= max(1, s.GetScale()); n++ {
				names[fmt.Sprintf("%s-%s-%d", project, service, n)] = service
			}
		}
	}
	return names
}

// Compare finds the differences. made are the containers that the agent has made, and imageOf is the id of the image that a name means now, empty when nobody knows.
func Compare(project string, approved []Approved, made Made, containers []compose.Inspected, imageOf func(ref string) string) []Divergence {
	findings := []Divergence{}
	w := world{project, approved, made, Names(project, approved), containers, imageOf}
	for _, c := range containers {
		findings = append(findings, w.one(c)...)
	}
	return findings
}

// world is what containers are compared with.
type world struct {
	project  string
	approved []Approved
	made     Made
	names    map[string]string
	all      []compose.Inspected // of which one may lend a namespace
	imageOf  func(ref string) string
}

func (w world) one(c compose.Inspected) []Divergence {
	if c.Project == w.project && c.OneOff {
		return []Divergence{{
			Service: c.Service, Container: c.Name, What: Oneoff, Have: c.Image,
			Message: fmt.Sprintf("container %s was made by hand, with `docker compose run`", c.Name), Fix: "docker rm -f " + c.Name,
		}}
	}
	service := c.Service
	if c.Project != w.project {
		service = w.names[c.Name]
	}
	last := newest(w.approved, service)
	if last == nil {
		return []Divergence{{
			Service: service, Container: c.Name, What: Unknown, Have: c.Image,
			Message: fmt.Sprintf("container %s runs in this project, and nothing that was approved has a service %q", c.Name, service),
			Fix:     "docker rm -f " + c.Name + ", if nobody needs it",
		}}
	}
	own := owner(w.approved, service)
	id := service
	if own != nil {
		id = own.ID
	}
	at := Divergence{Extension: id, Service: service, Container: c.Name, Fix: "docker rm -f " + c.Name + " && dream start " + id}
	switch {
	case own == nil || own.Core:
		at.Fix = "docker rm -f " + c.Name + " && dream up " + id
	case c.Project == w.project && !w.made.alike(c):
		at.Fix = "dream restart " + id // docker compose makes it anew then
	}
	var found []Divergence
	if c.Project != w.project {
		outside := at
		outside.What, outside.Want, outside.Have = Outside, "docker compose, project "+w.project, made(c)
		outside.Message = fmt.Sprintf("container %s has the name of %s's, and was not made by the host agent", c.Name, id)
		found = append(found, outside)
	}
	if c.Project == w.project && !w.made.has(c) {
		outside := at
		outside.What, outside.Want, outside.Have = Outside, "the host agent", "docker compose by hand, or another program"
		outside.Message = fmt.Sprintf("container %s has the name of %s's, and was not made by the host agent", c.Name, id)
		found = append(found, outside)
	}
	differ := w.differences(last, service, c)
	if len(differ) > 0 && own != nil && own != last && len(w.differences(own, service, c)) == 0 {
		differ = nil // it was brought up for itself, and not since for what needs it
	}
	for _, d := range differ {
		f := at
		f.What, f.Want, f.Have = d.what, d.want, d.have
		f.Message = fmt.Sprintf("container %s: %s %s, and was approved with %s", c.Name, d.what, said(d.have), said(d.want))
		found = append(found, f)
	}
	return found
}

func made(c compose.Inspected) string {
	if c.Project == "" {
		return "docker run"
	}
	return "docker compose, project " + c.Project
}

func said(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

// list is a list for people.
func list(values []string) string { return strings.Join(values, ", ") }
