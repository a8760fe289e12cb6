package compose

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"dreamserver/internal/yamldoc"
)

// inlineEnvFiles moves what env_file names into environment, so that the model stands alone. Files are read
// below the unit's own folder; values in environment win, as in Compose. A key without a value that nothing
// sets is dropped: left in, docker compose would fill it from its own environment.
func (u *Unit) inlineEnvFiles(in Input) error {
	for name, s := range u.Project.Services {
		for i, f := range s.EnvFiles {
			at := fmt.Sprintf("services.%s.env_file.%d", name, i)
			vars, err := readEnvFile(in, f.Path)
			if err != nil {
				if !f.Required {
					continue
				}
				pos := u.Lines.Find(at)
				return invalid(in, pos.File, pos.Line, at, err.Error(), "ship the file in the extension's folder or remove the line")
			}
			for k, v := range vars {
				if _, set := s.Environment[k]; !set {
					if s.Environment == nil {
						s.Environment = map[string]*string{}
					}
					s.Environment[k] = &v
				}
			}
		}
		s.EnvFiles = nil
		for k, v := range s.Environment {
			if v == nil {
				delete(s.Environment, k)
			}
		}
		u.Project.Services[name] = s
	}
	return nil
}

func readEnvFile(in Input, name string) (map[string]string, error) {
	clean := path.Clean(name)
	if in.Folder == nil || !fs.ValidPath(clean) {
		return nil, fmt.Errorf("env_file %q lies outside the extension's folder", name)
	}
	info, err := fs.Lstat(in.Folder, clean)
	if err != nil {
		return nil, fmt.Errorf("env_file %q does not exist", name)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("env_file %q is a %s, not a regular file", name, kindOf(info.Mode()))
	}
	f, err := in.Folder.Open(clean)
	if err != nil {
		return nil, fmt.Errorf("env_file %q: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, yamldoc.MaxBytes))
	if err != nil {
		return nil, fmt.Errorf("env_file %q: %w", name, err)
	}
	vars, err := dotenv.ParseWithLookup(bytes.NewReader(data), func(k string) (string, bool) {
		v, ok := in.Env[k]
		return v, ok
	})
	if err != nil {
		return nil, fmt.Errorf("env_file %q is not KEY=value lines", name) // the parser's text may quote a value
	}
	return vars, nil
}
