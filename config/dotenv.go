package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
)

// MaxEnvBytes is how large a .env file may be.
const MaxEnvBytes = 1 << 20

// ReadEnv reads a .env file, as [ParseEnv] does. The error wraps [io/fs.ErrNotExist] or
// [io/fs.ErrPermission] when that is the reason.
func ReadEnv(file string) (map[string]string, error) {
	data, err := readEnvFile(file)
	if err != nil {
		return nil, err
	}
	return ParseEnv(file, data)
}

func readEnvFile(file string) ([]byte, error) {
	st, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() { // opening a pipe would wait for a writer
		return nil, fmt.Errorf("%s: is not a regular file: put a file with KEY=value lines there", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxEnvBytes+1))
}

// ParseEnv reads the pairs of a .env file. The name file is only for messages. The syntax is Compose's own:
// quotes, comments, and references to earlier keys of the same file. References never see the process
// environment, so that each program reads the same; what is not set is empty. An error names the line and
// never shows what is in it; with it come the pairs of the lines that can be read, because turning things off must
// not need a whole file.
func ParseEnv(file string, data []byte) (map[string]string, error) {
	if len(data) > MaxEnvBytes {
		return nil, fmt.Errorf("%s: is larger than the %d bytes that it may have: remove what is not settings", file, MaxEnvBytes)
	}
	if before, _, found := bytes.Cut(data, []byte{0}); found {
		return nil, fmt.Errorf("%s:%d: holds a NUL byte: save the file as UTF-8 text", file, 1+bytes.Count(before, []byte("\n")))
	}
	pairs, err := parseEnv(data)
	if err != nil {
		line := lineOf(data, err)
		if line == 0 {
			return nil, fmt.Errorf("%s: %s", file, envProblem(err))
		}
		return salvage(data, line), fmt.Errorf("%s:%d: %s", file, line, envProblem(err))
	}
	for _, value := range pairs {
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("%s: a value holds a NUL byte, which no environment can have: write it without the escape", file)
		}
	}
	delete(pairs, "") // a line "=value"
	return pairs, nil
}

// salvage reads the file without the lines that the parser stumbles over, of which line is the first.
func salvage(data []byte, line int) map[string]string {
	const most = 20 // broken lines
	lines := bytes.SplitAfter(data, []byte("\n"))
	for range most {
		if line == 0 || line > len(lines) {
			return nil
		}
		lines[line-1] = []byte("\n")
		rest := bytes.Join(lines, nil)
		pairs, err := parseEnv(rest)
		if err == nil {
			delete(pairs, "")
			return pairs
		}
		line = lineOf(rest, err)
	}
	return nil
}

var errEnvPanic = errors.New("the parser gave up")

// parseEnv calls Compose's parser. Its errors quote values: they must not leave this file.
func parseEnv(data []byte) (pairs map[string]string, err error) {
	defer func() {
		if recover() != nil {
			err = errEnvPanic
		}
	}()
	// Without a final line break the parser takes a last line KEY for a value.
	data = append(slices.Clip(data), '\n')
	return dotenv.ParseWithLookup(bytes.NewReader(data), quietLookup(data))
}

// definedName finds the names that need the parser's own answer: keys of the file, and references with
// a fallback for the unset.
var definedName = regexp.MustCompile(`(?m)^\s*(?:export\s+)?([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)[-+?]`)

// quietLookup answers "empty" for names that the file does not define. Left to itself the parser logs each
// such name, and in a password with a "$" the name is a part of the password.
func quietLookup(data []byte) dotenv.LookupFn {
	defined := map[string]bool{}
	for _, m := range definedName.FindAllSubmatch(data, -1) {
		defined[string(m[1])+string(m[2])] = true
	}
	return func(name string) (string, bool) { return "", !defined[name] }
}

// envProblem is what is wrong, in words that hold nothing of the file.
func envProblem(err error) string {
	var badTemplate *template.InvalidTemplateError
	var required *template.MissingRequiredError
	switch {
	case errors.As(err, &badTemplate):
		return `a "$" starts no variable: put the value in single quotes`
	case errors.As(err, &required):
		return "the value requires a variable that is not set above it: set that first"
	case errors.Is(err, errEnvPanic):
		return "is not understood: put values in single quotes"
	case strings.Contains(err.Error(), unterminated):
		return "a quote is opened and not closed: close it"
	}
	return "is not KEY=value: write letters, digits and _ before the ="
}

const unterminated = "unterminated quoted value "

// lineOf is the line that a parser's error is about, or 0 when that cannot be told.
func lineOf(data []byte, err error) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	prefix := func(n int) []byte { return bytes.Join(lines[:n], nil) }

	if _, value, ok := strings.Cut(err.Error(), unterminated); ok {
		// The parser names the line where it gave up, which is the last. The value starts where a line
		// ends in its first line and everything above is well.
		tries := 100
		for i, line := range lines {
			if !strings.HasSuffix(strings.TrimSuffix(string(line), "\n"), value) {
				continue
			}
			if _, err := parseEnv(prefix(i)); err == nil {
				return i + 1
			}
			if tries--; tries == 0 {
				break
			}
		}
		return 0
	}
	var line int
	if _, scanErr := fmt.Sscanf(err.Error(), "line %d:", &line); scanErr == nil {
		return min(line, len(lines))
	}
	// Other errors carry no line. The first lines that fail in this way end with the one to blame.
	n := sort.Search(len(lines), func(i int) bool {
		_, err := parseEnv(prefix(i + 1))
		return err != nil && !strings.HasPrefix(err.Error(), "line ")
	})
	return min(n+1, len(lines))
}
