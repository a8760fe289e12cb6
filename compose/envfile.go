package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/internal/yamldoc"
)

// inlineEnvFiles moves what env_file names into environment, so that the model stands alone. Files are read
// below the unit's own folder; the later file wins over the earlier, and environment over both, as in Compose.
// A key without a value that nothing sets is dropped: left in, docker compose would fill it from its own
// environment.
func (u *Unit) inlineEnvFiles(in Input, vars *variables) error {
	for _, name := range u.ServiceNames() {
		s := u.Project.Services[name]
		env := types.MappingWithEquals{}
		for i, f := range s.EnvFiles {
			values, err := readEnvFile(in, f, vars.lookup)
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) && !bool(f.Required) {
					continue
				}
				at := fmt.Sprintf("services.%s.env_file.%d", name, i)
				pos := u.Lines.Find(at)
				return invalid(in, pos.File, pos.Line, at, err.Error(), "ship the file in the extension's folder or remove the line")
			}
			for k, v := range values {
				env[k] = &v
			}
		}
		s.EnvFiles = nil
		for _, k := range slices.Sorted(maps.Keys(s.Environment)) {
			if env[k] = s.Environment[k]; env[k] == nil {
				delete(env, k)
				u.Notes = append(u.Notes, fmt.Sprintf("services.%s.environment: %s has no value: it is left out", name, k))
			}
		}
		if s.Environment = env; len(env) == 0 {
			s.Environment = nil
		}
		u.Project.Services[name] = s
	}
	return nil
}

// readEnvFile reads one file. A file that does not exist wraps [fs.ErrNotExist].
func readEnvFile(in Input, file types.EnvFile, lookup dotenv.LookupFn) (map[string]string, error) {
	name := file.Path
	clean := path.Clean(name)
	if in.Folder == nil || !fs.ValidPath(clean) {
		return nil, fmt.Errorf("env_file %q lies outside the extension's folder", name)
	}
	info, err := fs.Lstat(in.Folder, clean)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("env_file %q: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("env_file %q: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("env_file %q is a %s, not a regular file", name, kindOf(info.Mode()))
	}
	f, err := in.Folder.Open(clean)
	if err != nil {
		return nil, fmt.Errorf("env_file %q: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, yamldoc.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("env_file %q: %w", name, err)
	}
	if len(data) > yamldoc.MaxBytes {
		return nil, fmt.Errorf("env_file %q is larger than %d bytes", name, yamldoc.MaxBytes)
	}
	values, err := parseEnvFile(data, lookup, file.Format)
	if err != nil {
		return nil, fmt.Errorf("env_file %q is not KEY=value lines", name) // the parser's text may quote a value
	}
	return values, nil
}

// parseEnvFile calls Compose's parser, which has panicked on hostile input before.
func parseEnvFile(data []byte, lookup dotenv.LookupFn, format string) (values map[string]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the parser gave up")
		}
	}()
	values = map[string]string{}
	return values, dotenv.ParseWithFormat(bytes.NewReader(data), "", values, lookup, format)
}
