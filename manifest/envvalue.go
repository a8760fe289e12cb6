package manifest

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxValue = 64 << 10 // bytes of a value

// Check says what is wrong with a value of the variable; empty when it is fine. It never repeats the value, which may
// be a secret.
func (v EnvVar) Check(value string) string {
	switch {
	case strings.ContainsRune(value, 0):
		return "holds a NUL byte, which no environment can have"
	case strings.ContainsRune(value, utf8.RuneError): // what is no UTF-8 counts as one, and JSON readers write one for it
		return "is not UTF-8 text, or was not before it was sent"
	case len(value) > maxValue:
		return fmt.Sprintf("is longer than %d bytes", maxValue)
	}
	if wrong := v.checkType(value); wrong != "" {
		return wrong
	}
	if v.Pattern == "" {
		return ""
	}
	if len(value) > maxPatternValue {
		return fmt.Sprintf("is longer than the %d bytes of a value that has a pattern", maxPatternValue)
	}
	if whole, err := regexp.Compile(`\A(?:` + v.Pattern + `)\z`); err != nil || !whole.MatchString(value) {
		return "does not match " + v.Pattern
	}
	return ""
}

func (v EnvVar) checkType(value string) string {
	switch v.Type {
	case IntegerVar:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return "is not a whole number"
		}
	case BooleanVar:
		if !slices.Contains([]string{"true", "false", "1", "0", "yes", "no", "on", "off"}, strings.ToLower(value)) {
			return "is neither true nor false"
		}
	case PortVar:
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 {
			return "is not a port from 1 to 65535"
		}
	case URLVar:
		if u, err := url.Parse(value); err != nil || u.Scheme == "" || u.Host == "" {
			return "is not a URL such as http://host:8080"
		}
	case EnumVar:
		if !slices.Contains(v.Options, value) {
			return "is not one of " + strings.Join(v.Options, ", ")
		}
	case StringVar, SecretVar:
	}
	return ""
}
