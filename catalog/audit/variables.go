package audit

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/config"
	"dreamserver/manifest"
)

// variable is one ${…} of a compose file.
type variable struct {
	key      string
	required bool    // ${KEY:?why}
	fallback *string // of ${KEY:-text}, when the text names no other variable
	at       spot
}

var reference = regexp.MustCompile(`\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?])?|([A-Za-z_][A-Za-z0-9_]*))`)

// variablesIn finds the variables in one text, nested ones too.
func variablesIn(text string) []variable {
	if !strings.Contains(text, "$") {
		return nil
	}
	var all []variable
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		switch {
		case m[6] >= 0:
			all = append(all, variable{key: text[m[6]:m[7]]})
		case m[2] >= 0:
			v := variable{key: text[m[2]:m[3]]}
			if m[4] >= 0 {
				v.required = text[m[5]-1] == '?'
				if end := strings.IndexAny(text[m[1]:], "{}"); !v.required && end >= 0 && text[m[1]+end] == '}' {
					fallback := text[m[1] : m[1]+end]
					v.fallback = &fallback
				}
			}
			all = append(all, v)
		}
	}
	return all
}

// variables are those that the folder's compose files read, in their order.
func (f *folder) variables() []variable {
	var all []variable
	for _, x := range f.fragments {
		scalars(x.root.node, func(n *yaml.Node) {
			for _, v := range variablesIn(n.Value) {
				v.at = spot{value{line: n.Line}, x.name}
				all = append(all, v)
			}
		})
	}
	return all
}

// checkVariables compares the variables that compose files read with those that the manifest declares.
func (f *folder) checkVariables() {
	if f.manifest == nil || f.core() {
		return // the base files read what a core service declares
	}
	f.checkReserved()
	read, said := map[string]bool{}, map[string]bool{}
	for _, v := range f.variables() {
		read[v.key] = true
		key := fmt.Sprint(v.key, v.required, v.fallback != nil)
		if !said[key] || v.fallback != nil {
			f.checkVariable(v, said)
		}
		said[key] = true
	}
	for i, v := range f.service.at("env_vars").items() {
		declared := f.manifest.Service.EnvVars[i]
		switch {
		case !read[declared.Key] && !f.readsEnvFile():
			f.find("variable-unused", v.at("key"), "is %s, which no compose file reads", declared.Key)
		case declared.Required && declared.Default != nil:
			f.find("variable-required-mismatch", v.at("required"), "is true, and %s has a default", declared.Key)
		case declared.Required && !said[fmt.Sprint(declared.Key, true, false)]:
			f.find("variable-required-mismatch", v.at("required"), "is true, and the compose files do without %s", declared.Key)
		}
	}
}

// checkReserved asks for names that an owner can configure. What every extension may read needs no declaration, and
// takes none amiss.
func (f *folder) checkReserved() {
	declared := []value{f.service.at("external_port_env")}
	for _, v := range f.service.at("env_vars").items() {
		declared = append(declared, v.at("key"))
	}
	for _, key := range declared {
		if name := key.text(); config.ReservedEnv(name) && !isPlatform(name) {
			f.find("variable-reserved", key, "is %s, which no extension's configuration may set", name)
		}
	}
}

// checkVariable compares one ${…} with the manifest.
func (f *folder) checkVariable(v variable, said map[string]bool) {
	s := &f.manifest.Service
	if !s.Declares(v.key) {
		if !isPlatform(v.key) && !said["undeclared "+v.key] && (f.builtin() || !v.required) { // else the gate refuses it
			said["undeclared "+v.key] = true
			f.addAt("variable-undeclared", v.at, "reads "+v.key+", which the manifest does not declare")
		}
		return
	}
	i := slices.IndexFunc(s.EnvVars, func(e manifest.EnvVar) bool { return e.Key == v.key })
	if v.key == s.ExternalPortEnv && v.fallback != nil && s.ExternalPortDefault != 0 && *v.fallback != strconv.Itoa(s.ExternalPortDefault) {
		f.addAt("variable-default-mismatch", v.at, fmt.Sprintf("%s is %s by default here, and external_port_default is %d", v.key, quote(*v.fallback), s.ExternalPortDefault))
		return
	}
	if i < 0 {
		return
	}
	declared := s.EnvVars[i]
	switch {
	case v.required && !declared.Required && !said["required "+v.key]:
		said["required "+v.key] = true
		f.addAt("variable-required-mismatch", v.at, v.key+" is required here, and not in the manifest")
	case v.fallback == nil:
	case declared.Default != nil && *declared.Default != *v.fallback:
		f.addAt("variable-default-mismatch", v.at, fmt.Sprintf("%s is %s by default here, and %s in the manifest", v.key, quote(*v.fallback), quote(*declared.Default)))
	case declared.Default == nil && *v.fallback != "" && !declared.Secret:
		f.addAt("variable-default-mismatch", v.at, fmt.Sprintf("%s is %s by default here, and has no default in the manifest", v.key, quote(*v.fallback)))
	}
}

// readsEnvFile reports whether a service reads variables from a file, which names them all.
func (f *folder) readsEnvFile() bool {
	return slices.ContainsFunc(f.services(), func(s spot) bool { return s.at("env_file").given() })
}

// isPlatform reports whether every extension may read the variable.
func isPlatform(key string) bool {
	return slices.ContainsFunc(config.PlatformKeys, func(k config.PlatformKey) bool { return k.Key == key })
}
