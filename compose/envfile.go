package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/internal/yamldoc"
)

// inlineFiles moves what env_file and label_file name into environment and labels, so that the model stands alone.
// Files are read below the unit's own folder; the later file wins over the earlier, and environment and labels over
// both, as in Compose. A key without a value that nothing sets is dropped: left in, docker compose would fill it
// from its own environment.
func (u *Unit) inlineFiles(in Input, vars *variables) error {
	for _, name := range u.ServiceNames() {
		s := u.Project.Services[name]
		env := types.MappingWithEquals{}
		for i, f := range s.EnvFiles {
			values, err := u.inlineFile(in, f, vars.lookup, name, "env_file", i)
			if err != nil {
				return err
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
		for k, v := range env { // the same default in every service is not the same text in the file that runs
			if !in.Base && !in.Budget.take(&in.Budget.filled, len(k)+len(*v), maxFilled, filling) {
				return spentError(in, "", 0)
			}
		}
		if !in.Base && !in.Budget.hosts(&s) {
			return spentError(in, "", 0)
		}
		if s.Environment = env; len(env) == 0 {
			s.Environment = nil
		}
		if err := u.inlineLabels(in, &s); err != nil {
			return err
		}
		u.dropEmptyArgs(&s)
		u.Project.Services[name] = s
	}
	return nil
}

// dropEmptyArgs leaves out build arguments without a value, which docker compose would fill from its environment.
func (u *Unit) dropEmptyArgs(s *types.ServiceConfig) {
	if s.Build == nil {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(s.Build.Args)) {
		if s.Build.Args[k] == nil {
			delete(s.Build.Args, k)
			u.Notes = append(u.Notes, fmt.Sprintf("services.%s.build.args: %s has no value: it is left out", s.Name, k))
		}
	}
}

func (u *Unit) inlineLabels(in Input, s *types.ServiceConfig) error {
	if len(s.LabelFiles) == 0 {
		return nil
	}
	labels := types.Labels{}
	for i, name := range s.LabelFiles {
		unset := func(string) (string, bool) { return "", false }
		values, err := u.inlineFile(in, types.EnvFile{Path: name, Required: true}, unset, s.Name, "label_file", i)
		if err != nil {
			return err
		}
		maps.Copy(labels, values)
	}
	maps.Copy(labels, s.Labels)
	s.Labels, s.LabelFiles = labels, nil
	return nil
}

// inlineFile reads item i of the service's list key. A file that need not be there and is not holds nothing.
func (u *Unit) inlineFile(in Input, f types.EnvFile, lookup dotenv.LookupFn, service, key string, i int) (map[string]string, error) {
	values, err := readEnvFile(in, f, lookup)
	at := fmt.Sprintf("services.%s.%s.%d", service, key, i)
	pos := u.Lines.Find(at)
	switch {
	case in.Budget.Spent():
		return nil, spentError(in, pos.File, pos.Line)
	case err == nil || errors.Is(err, fs.ErrNotExist) && !bool(f.Required):
		return values, nil
	}
	return nil, invalid(in, pos.File, pos.Line, at, key+" "+err.Error(), "ship the file in the extension's folder or remove the line")
}

// readEnvFile reads one file. A file that does not exist wraps [fs.ErrNotExist].
func readEnvFile(in Input, file types.EnvFile, lookup dotenv.LookupFn) (map[string]string, error) {
	name := file.Path
	clean := path.Clean(name)
	if in.Folder == nil || !fs.ValidPath(clean) {
		return nil, fmt.Errorf("%q lies outside the extension's folder", name)
	}
	b := in.Budget
	if !b.take(&b.envFiles, 1, maxEnvFiles, "more than %d files named") {
		return nil, errSpent
	}
	info, err := fs.Lstat(in.Folder, clean)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is a %s, not a regular file", name, kindOf(info.Mode()))
	}
	f, err := in.Folder.Open(clean)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	defer f.Close()
	data, err := readSome(f, yamldoc.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if len(data) > yamldoc.MaxBytes {
		return nil, fmt.Errorf("%q is larger than %d bytes", name, yamldoc.MaxBytes)
	}
	if !b.take(&b.bytes, len(data), maxFileBytes, "more than %d bytes in all files together") {
		return nil, errSpent
	}
	values, err := parseEnvFile(data, b, lookup, file.Format)
	if err != nil {
		return nil, fmt.Errorf("%q is not KEY=value lines", name) // the parser's text may quote a value
	}
	return values, nil
}

// ParseEnvFile reads the pairs of a file that env_file names, within the bounds of one extension. What is not set is empty.
func ParseEnvFile(data []byte) (map[string]string, error) {
	silence()
	values, err := parseEnvFile(data, &Budget{}, func(string) (string, bool) { return "", false }, "")
	if err != nil {
		return nil, errors.New("it is not KEY=value lines, or refers to itself too often") // the parser's text may quote a value
	}
	return values, nil
}

// parseEnvFile calls Compose's parser, which has panicked on hostile input before. A line may refer to those above
// it, so that thirty lines stand for gigabytes: what is filled in is counted, and a panic is the only way out of the
// parser.
func parseEnvFile(data []byte, b *Budget, lookup dotenv.LookupFn, format string) (values map[string]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the parser gave up")
		}
	}()
	values = map[string]string{}
	counted := func(key string) (string, bool) {
		value, ok := lookup(key)
		filled := value
		if !ok {
			filled = values[key]
		}
		if !b.take(&b.work, len(data)+len(filled), maxWork, searched) || !b.take(&b.filled, len(filled), maxFilled, filling) {
			panic(errSpent)
		}
		return value, ok
	}
	return values, dotenv.ParseWithFormat(bytes.NewReader(data), "", values, counted, format)
}
