package main

import (
	"errors"
	"os"
	"path/filepath"

	"dreamserver/catalog/scaffold"
	"dreamserver/internal/printable"
	"dreamserver/security"
)

// made is what new did.
type made struct {
	ID       string            `json:"id"`
	Folder   string            `json:"folder"`
	Files    []scaffold.File   `json:"files"`
	Port     int               `json:"port"`
	HostPort int               `json:"host_port"`
	Health   string            `json:"health"`
	Notes    []scaffold.Note   `json:"notes"`
	Verdict  *security.Verdict `json:"verdict"`
	Next     []string          `json:"next"`

	converted bool // from a compose file, so that its report says what to mend in the result
}

func (a *app) showMade(done made) error {
	rejected := done.Verdict.Verdict == security.Rejected
	if a.json {
		if err := a.printJSON(done); err != nil || !rejected {
			return err
		}
		return reported{errors.New("refused")}
	}
	a.print("%s is made in %s:", done.ID, done.Folder)
	for _, file := range done.Files {
		a.print("  %-19s  %s", file.Name, file.What)
	}
	a.print("")
	if done.Port != 0 {
		a.print("It is expected to listen on port %d and to answer at %s; on this machine that is http://127.0.0.1:%d%s.", done.Port, done.Health, done.HostPort, done.Health)
	}
	a.showNotes(done.Notes)
	if rejected {
		a.print("")
		a.showVerdict(*done.Verdict)
		a.print("\nMend that, and look again with `dream scan %s`.", shortPath(done.Folder))
		return reported{errors.New("refused")}
	}
	a.print("\nTry next:\n")
	for _, command := range done.Next {
		a.print("  %s", command)
	}
	return nil
}

// showNotes is the report of a conversion: what is left to do first, and then what became of the file, line by line.
func (a *app) showNotes(notes []scaffold.Note) {
	for _, kind := range scaffold.Kinds() {
		head := false
		for _, n := range notes {
			if n.Kind != kind {
				continue
			}
			if !head {
				a.print("\n%s", kind.Heading())
				head = true
			}
			a.print("  %s", printable.Line(n.String()))
		}
	}
}

// next is what a person does with the new folder.
func (h home) next(done made) []string {
	if h.library {
		return []string{"dream audit --strict " + done.ID, "dream install " + done.ID, "dream start " + done.ID}
	}
	folder := shortPath(done.Folder)
	library := "DATA/extensions-library/"
	if isInstallation(h.settings.InstallDir) {
		library = h.settings.LibraryDir + "/"
	}
	return []string{"dream scan " + folder, "cp -r " + folder + " " + library, "dream install " + done.ID}
}

// shortPath is the path from here, where that is shorter.
func shortPath(name string) string {
	here, err := os.Getwd()
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(here, name); err == nil && len(rel) < len(name) {
		return rel
	}
	return name
}
