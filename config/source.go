package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// source answers for one key at a time: the process environment first, then .env. Its methods return the
// default for a value that is not valid, and remember what was wrong.
type source struct {
	getenv     func(string) string
	file       map[string]string // the pairs of .env
	envFile    string
	installDir string
	home       string
	errs       []error
}

// value is the value of key and where it is from. Empty means unset.
func (s *source) value(key string) (value, from string) {
	if v := strings.TrimSpace(s.getenv(key)); v != "" {
		return v, "environment"
	}
	return strings.TrimSpace(s.file[key]), s.envFile
}

func (s *source) refuse(key, from, value, want string) {
	s.errs = append(s.errs, fmt.Errorf("%s (%s): %s is not valid: write %s", key, from, strconv.Quote(value), want))
}

func (s *source) text(key, def string, valid func(string) bool, want string) string {
	v, from := s.value(key)
	if v == "" {
		return def
	}
	if !valid(v) {
		if strings.Contains(v, "@") {
			v = "…" // may hold a password
		}
		s.refuse(key, from, v, want)
		return def
	}
	return v
}

func (s *source) oneOf(key, def string, choices ...string) string {
	last := len(choices) - 1
	want := strings.Join(choices[:last], ", ") + " or " + choices[last]
	v := s.text(key, def, func(v string) bool { return slices.Contains(choices, strings.ToLower(v)) }, want)
	return strings.ToLower(v)
}

// number is a whole number from 0 to high.
func (s *source) number(key string, def, high int, want string) int {
	v, from := s.value(key)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > high {
		s.refuse(key, from, v, want)
		return def
	}
	return n
}

func (s *source) flag(key string) bool {
	v, from := s.value(key)
	switch strings.ToLower(v) {
	case "true", "yes", "on", "1":
		return true
	case "", "false", "no", "off", "0":
		return false
	}
	s.refuse(key, from, v, "true or false")
	return false
}

// duration reads Go's form, 1m30s, or whole seconds. It is above 0 and at most longest.
func (s *source) duration(key string, def, longest time.Duration) time.Duration {
	v, from := s.value(key)
	if v == "" {
		return def
	}
	d, err := time.ParseDuration(v)
	if n, numErr := strconv.Atoi(v); numErr == nil && n < int(longest/time.Second)+1 {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d <= 0 || d > longest {
		s.refuse(key, from, v, fmt.Sprintf("a time such as 20s, at most %s", longest))
		return def
	}
	return d
}

func (s *source) list(key string, valid func(string) bool, want string) []string {
	v, from := s.value(key)
	var items []string
	for item := range strings.SplitSeq(v, ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "":
		case !valid(item):
			s.refuse(key, from, item, want)
		default:
			items = append(items, item)
		}
	}
	return items
}

// path makes the value absolute. A key that names no path has def as it is.
func (s *source) path(key, def string) string {
	v, from := s.value(key)
	if v == "" {
		return def
	}
	if strings.ContainsFunc(v, unicode.IsControl) {
		s.refuse(key, from, v, "a path without control characters")
		return def
	}
	if rest, ok := strings.CutPrefix(v, "~/"); ok {
		if !filepath.IsAbs(s.home) {
			s.refuse(key, from, v, "an absolute path, because HOME is not set")
			return def
		}
		return filepath.Join(s.home, rest)
	}
	if filepath.IsAbs(v) {
		return filepath.Clean(v)
	}
	if from != "environment" {
		return filepath.Join(s.installDir, v)
	}
	abs, err := filepath.Abs(v)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s (%s): %w", key, from, err))
		return def
	}
	return abs
}

// secret reads a key that travels in an HTTP header. No message ever holds it.
func (s *source) secret(key string) Secret {
	v, from := s.value(key)
	if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
		s.errs = append(s.errs, fmt.Errorf("%s (%s): holds a space or an unprintable or non-ASCII character: write printable ASCII, such as 64 hexadecimal digits", key, from))
		return ""
	}
	return Secret(v)
}

// merged is .env with the process environment above it, for the keys of .env alone: the rest of the process
// environment is none of a container's business.
func (s *source) merged() map[string]string {
	env := make(map[string]string, len(s.file))
	for key, value := range s.file {
		if v := s.getenv(key); v != "" {
			value = v
		}
		env[key] = value
	}
	return env
}

var (
	projectPattern    = regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,62}\z`)
	dockerNamePattern = regexp.MustCompile(`\A[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}\z`)
	hostPattern       = regexp.MustCompile(`\A[a-zA-Z0-9_.-]{1,253}\z|\A[0-9a-fA-F:.]{2,45}\z`)
	hostNamePattern   = regexp.MustCompile(`\A[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?\z`)
	tierPattern       = regexp.MustCompile(`\A[A-Za-z0-9_]{1,32}\z`)
)

func isProject(v string) bool    { return projectPattern.MatchString(v) }
func isDockerName(v string) bool { return dockerNamePattern.MatchString(v) }
func isHost(v string) bool       { return hostPattern.MatchString(v) }
func isTier(v string) bool       { return tierPattern.MatchString(v) }

// isHostName lets no wildcard through: a name that anybody may choose is none.
func isHostName(v string) bool { return hostNamePattern.MatchString(v) && !strings.Contains(v, "..") }

func isIP(v string) bool { return net.ParseIP(v) != nil }

func isURL(v string) bool {
	u, err := url.Parse(v)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func isOrigin(v string) bool {
	u, err := url.Parse(v)
	return err == nil && isURL(v) && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}

func isDockerHost(v string) bool {
	scheme, rest, ok := strings.Cut(v, "://")
	return ok && rest != "" && slices.Contains([]string{"unix", "tcp", "http", "https", "ssh", "npipe"}, scheme)
}
