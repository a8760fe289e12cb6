package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
)

// FragmentName is the name of the extension's main compose file when enabled; empty when it has none because
// its containers are part of the base or it is no container.
func FragmentName(m *manifest.Manifest) string {
	switch {
	case m.Service.ComposeFile != "":
		return m.Service.ComposeFile
	case m.Service.Category == manifest.Core || m.Service.Type != manifest.Docker:
		return ""
	}
	return Fragment
}

// addFragment adds the main compose file. A service without one may still have overlays.
func (u *StackUnit) addFragment(root Root) *Skip {
	name := FragmentName(u.Manifest)
	if name == "" {
		return nil
	}
	info, err := fs.Lstat(root.FS, path.Join(u.Dir, name))
	switch {
	case err == nil && info.Mode().IsRegular():
		u.addFile(root, name)
		return nil
	case err == nil:
		return irregular(name, info)
	case root.has(path.Join(u.Dir, name+DisabledSuffix)):
		return &Skip{Reason: "disabled"}
	case errors.Is(err, fs.ErrNotExist):
		return &Skip{Warning: true, Reason: fmt.Sprintf("%s does not exist, nor does %s%s", name, name, DisabledSuffix)}
	}
	return &Skip{Warning: true, Reason: err.Error()}
}

// addOverlays adds what the folder has for this machine. Of several names in one row the first that exists counts.
func (u *StackUnit) addOverlays(root Root, h Host) *Skip {
	rows := [][]string{{"compose." + h.Backend}}
	if localOverlay(h.Mode) {
		rows = append(rows, []string{"compose.local"})
	}
	if h.GPUCount > 1 {
		rows = append(rows, []string{"compose.multigpu-" + h.Backend, "compose.multigpu"})
	}
	for _, stems := range rows {
		if skip := u.addOverlay(root, stems); skip != nil {
			return skip
		}
	}
	return nil
}

func (u *StackUnit) addOverlay(root Root, stems []string) *Skip {
	for _, stem := range stems {
		for _, name := range []string{stem + ".yaml", stem + ".yml"} {
			info, err := fs.Lstat(root.FS, path.Join(u.Dir, name))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return &Skip{Warning: true, Reason: err.Error()}
			case !info.Mode().IsRegular():
				return irregular(name, info)
			}
			if !slices.Contains(u.Files, name) { // compose_file may name an overlay
				u.addFile(root, name)
			}
			return nil
		}
	}
	return nil
}

// irregular refuses a compose file that is no file: a link could point at any file that the reader may read.
func irregular(name string, info fs.FileInfo) *Skip {
	return &Skip{Warning: true, Reason: fmt.Sprintf("%s is a %s, not a regular file", name, kindOf(info.Mode()))}
}

func (u *StackUnit) addFile(root Root, name string) {
	u.Files = append(u.Files, name)
	u.Paths = append(u.Paths, root.path(u.Dir, name))
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symlink"
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "FIFO"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// readFile reads one byte more than a file may have when there is more, so that it is refused and not cut.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSome(f, yamldoc.MaxBytes)
}

// Input is what [Load] makes the unit's model of: its files from the file system that its folder was found in, and
// what it may read of the settings. A built-in extension reads all of .env, an installed one what it declares.
func (u *StackUnit) Input(s config.Settings, fsys fs.FS) (in Input, err error) {
	in = Input{ID: u.ID, Source: u.Source, Env: u.Env(s)}
	if u.Source != Builtin {
		in.Declared = Declared(u.Manifest)
	}
	if in.Files, err = u.Read(fsys); err != nil {
		return in, err
	}
	if in.Folder, err = fs.Sub(fsys, u.Dir); err != nil {
		return in, fmt.Errorf("extension %q: %w", u.ID, err)
	}
	return in, nil
}

// Env is what the unit's files may read of the settings.
func (u *StackUnit) Env(s config.Settings) map[string]string {
	if u.Source == Builtin {
		return OwnerEnv(s)
	}
	return DeclaredEnv(s, u.Manifest)
}

// Read reads the unit's files from the file system that its folder was found in. Its error is
// [problem.InvalidExtension] and names the file.
func (u *StackUnit) Read(fsys fs.FS) ([]File, error) {
	files := make([]File, 0, len(u.Files))
	for i, name := range u.Files {
		data, err := readFile(fsys, path.Join(u.Dir, name))
		if err != nil {
			return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s cannot be read: %w", u.ID, u.Paths[i], err)
		}
		files = append(files, File{Name: u.Paths[i], Content: data})
	}
	return files, nil
}
