package audit

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// checkGate asks what an install would: is the folder one that can be copied, and what does the security scan say?
func (f *folder) checkGate(ctx context.Context, a *audit) {
	if !f.checkFiles() {
		return
	}
	if f.manifest == nil || f.main() == nil || f.typ() == string(manifest.HostSystemd) || f.has(unjudged...) {
		return
	}
	v, err := security.Judge(ctx, f.gate(a))
	if err != nil {
		f.add("compose-refused", ".", 0, "", problem.As(err).Detail)
		return
	}
	for _, finding := range v.Findings {
		f.addFinding(finding)
	}
}

// checkFiles looks at everything that is in the folder, and reports whether an install could copy it.
func (f *folder) checkFiles() bool {
	own, err := fs.Sub(f.fsys, f.dir)
	var names []string
	if err == nil {
		names, err = catalog.TreeFiles(own)
	}
	for _, name := range names {
		if notASCII([]byte(path.Base(name))) >= 0 {
			f.add("text-not-ascii", path.Base(f.file), 0, "", "the name "+quote(name)+" holds characters beyond ASCII")
		}
	}
	if err != nil {
		f.add("files-refused", ".", 0, "", err.Error())
	}
	return err == nil
}

// unjudged are findings after which the scan would say the same once more.
var unjudged = []string{
	"compose-file-missing", "compose-invalid", "compose-shape-invalid", "compose-services-invalid", "compose-service-missing",
	"overlay-required", "overlay-incomplete",
}

// gate is the folder as the security scan sees it: in an installation of its own, with the defaults of all variables.
func (f *folder) gate(a *audit) security.Folder {
	g := security.Folder{
		Root: compose.Root{FS: f.fsys}, Dir: f.dir, OwnDir: filepath.Join(f.root.Path, f.dir), Source: f.root.Source, Manifest: f.manifest,
		Settings: config.Settings{Names: config.DefaultNames(), InstallDir: a.Dir, DataDir: filepath.Join(a.Dir, "data"), UID: -1, GID: -1},
		CoreIDs:  a.tables.core, OtherIDs: a.tables.idsOf(f), Secrets: a.tables.secrets, Documents: f.documents,
	}
	return g
}

// addFinding is what the scan found, under the code of the audit.
func (f *folder) addFinding(s security.Finding) {
	code := "security-refused"
	switch {
	case s.Severity == security.Error && slices.Contains([]string{"shape", "undeclared-variable"}, s.Rule):
		code = "compose-refused"
	case s.Severity != security.Error:
		code = notes[s.Rule]
	}
	if code == "" || f.saidBefore(s) {
		return
	}
	message := s.Message
	if s.Service != "" {
		message = s.Path + ": " + message
	}
	if code == "security-refused" {
		message = s.Rule + ": " + message
	}
	file := cmp.Or(strings.TrimPrefix(s.File, f.dir+"/"), path.Base(f.file))
	f.add(code, file, s.Line, s.Fix, message)
}

// saidBefore reports whether a rule of the audit has found the same, and says it better.
func (f *folder) saidBefore(s security.Finding) bool {
	switch s.Rule {
	case "no-healthcheck":
		return s.Service == f.id || f.runsOnce(s.Service)
	case "ignored-file":
		return overlayBackend(s.File) != ""
	}
	return strings.HasSuffix(s.Path, "container_name") && f.has("container-name-collision")
}

// runsOnce reports whether a service ends by itself, so that nobody asks for its health.
func (f *folder) runsOnce(name string) bool {
	return slices.ContainsFunc(f.defined(name), func(d spot) bool {
		restart := d.at("restart").text()
		return restart == "no" || strings.HasPrefix(restart, "on-failure")
	})
}

// notes are what the scan allows and an extension that ships does better. A digest is not among them: only a
// registry knows it.
var notes = map[string]string{
	"image-latest":   "image-unpinned",
	"no-limits":      "limits-missing",
	"new-privileges": "privileges-open",
	"no-healthcheck": "helper-healthcheck-missing",
	"ignored-file":   "compose-file-unread",
}
