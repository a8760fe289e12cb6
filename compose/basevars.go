package compose

import (
	"io/fs"
	"regexp"
)

// BaseVariables are the names that the platform's own files in an installation read: docker-compose*.yml, but for the
// owner's override. They are the owner's to set, whatever an extension declares.
func BaseVariables(install fs.FS) map[string]bool {
	names := map[string]bool{}
	files, _ := fs.Glob(install, "docker-compose*.yml") // the pattern is well-formed
	for _, file := range files {
		if file == OverrideFile {
			continue
		}
		data, err := readFile(install, file)
		if err != nil {
			continue // which is told when the stack is resolved
		}
		for _, m := range variableName.FindAllSubmatch(data, -1) {
			if len(m[1]) > 0 {
				names[string(m[1])] = true
			}
		}
	}
	return names
}

// variableName is a variable in a compose file, or an escaped $.
var variableName = regexp.MustCompile(`\$(?:\$|\{?([A-Za-z_]\w*))`)
