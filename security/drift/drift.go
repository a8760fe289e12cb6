// Package drift says where a container is not as it was approved: made by hand, by another program, or wrongly by us. It
// decides and looks at nothing itself: who calls reads the approved files and asks the engine.
//
//	drift.go    a report and its findings; which container is whose
//	compare.go  one service and one container      wanted.go  what a service should have become
package drift

import (
	"fmt"
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
	Outside = "outside" // docker compose did not make it, but it has the name of one that it makes
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

// Compare finds the differences. imageOf is the id of the image that a name means now, empty when nobody knows.
func Compare(project string, approved []Approved, containers []compose.Inspected, imageOf func(ref string) string) []Divergence {
	names, findings := Names(project, approved), []Divergence{}
	for _, c := range containers {
		findings = append(findings, one(project, approved, names, containers, c, imageOf)...)
	}
	return findings
}

func one(project string, approved []Approved, names map[string]string, all []compose.Inspected, c compose.Inspected, imageOf func(string) string) []Divergence {
	if c.Project == project && c.OneOff {
		return []Divergence{{
			Service: c.Service, Container: c.Name, What: Oneoff, Have: c.Image,
			Message: fmt.Sprintf("container %s was made by hand, with `docker compose run`", c.Name), Fix: "docker rm -f " + c.Name,
		}}
	}
	service := c.Service
	if c.Project != project {
		service = names[c.Name]
	}
	last := newest(approved, service)
	if last == nil {
		return []Divergence{{
			Service: service, Container: c.Name, What: Unknown, Have: c.Image,
			Message: fmt.Sprintf("container %s runs in this project, and nothing that was approved has a service %q", c.Name, service),
			Fix:     "docker rm -f " + c.Name + ", if nobody needs it",
		}}
	}
	own := owner(approved, service)
	id := service
	if own != nil {
		id = own.ID
	}
	at := Divergence{Extension: id, Service: service, Container: c.Name, Fix: "dream restart " + id}
	anew := "docker rm -f " + c.Name + " && dream start " + id
	if own == nil || own.Core {
		anew = "docker rm -f " + c.Name + " && dream up " + id
		at.Fix = anew
	}
	var found []Divergence
	if c.Project != project {
		at.Fix = anew
		outside := at
		outside.What, outside.Want, outside.Have = Outside, "docker compose, project "+project, made(c)
		outside.Message = fmt.Sprintf("container %s has the name of %s's, and was not made by the host agent", c.Name, id)
		found = append(found, outside)
	}
	differ := differences(project, last, service, c, all, imageOf)
	if len(differ) > 0 && own != nil && own != last && len(differences(project, own, service, c, all, imageOf)) == 0 {
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
