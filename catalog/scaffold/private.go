package scaffold

import (
	"regexp"
	"slices"
	"strings"

	"dreamserver/manifest"
)

// A file of variables is somebody's real configuration and no example: what may be a secret in it stays behind, by its
// name or by its form. One word too many that is asked for does less harm than one secret that is published.

// privateKey are names of secrets in such a file beside those of [manifest.SoundsSecret].
var privateKey = regexp.MustCompile(`(?i)(^|[_.])(AUTH|PAT|PIN|SEED|DSN|COOKIE|CREDENTIALS?|CREDS|PRIVATE|KEYS?|TOKENS|SECRETS|PASSWORDS|CERT|LICENSE|WEBHOOK|WEBHOOK_URL)$`)

// madeHere are names of secrets that an extension can make by itself, where they are no account's elsewhere.
var madeHere = regexp.MustCompile(`(?i)(^|[_.])(PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|SALT|KEY_BASE|(SECRET|SESSION|ENCRYPTION|SIGNING|JWT|COOKIE|MASTER)_\w+)$`)

var (
	// issued is how secrets begin that services give out.
	issued = regexp.MustCompile(`\A(?:gh[opusr]_|github_pat_|glpat-|(?:sk|pk|rk)[_-]|xox[a-z]-|xapp-|AKIA|ASIA|AIza|ya29\.|hf_|npm_|dop_v1_|shpat_|whsec_|SG\.|eyJ|-----BEGIN|Bearer |Basic )`)
	// unbroken are long texts in one piece, and shorter ones if digits and letters are mixed.
	unbroken = regexp.MustCompile(`[A-Za-z0-9+/=_-]{32,}|[A-Za-z0-9+/=]{16,}`)
	named    = regexp.MustCompile(`\A[A-Za-z]+(?:[-_/ ][A-Za-z]+)*\z`)
	login    = regexp.MustCompile(`://[^/\s@]*:[^\s]*@`)
)

// looksSecret reports whether a value has the form of a secret, whatever its name is.
func looksSecret(value string) bool {
	if issued.MatchString(value) {
		return true
	}
	if strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") {
		return false
	}
	if _, rest, isURL := strings.Cut(value, "://"); isURL { // each part of its path and query by itself
		_, value, _ = strings.Cut(rest, "/")
		value = strings.NewReplacer("/", " ", "=", " ").Replace(value)
	}
	return slices.ContainsFunc(unbroken.FindAllString(value, -1), func(piece string) bool {
		mixed := strings.ContainsAny(piece, "0123456789") && strings.ContainsFunc(piece, func(r rune) bool { return r >= 'A' && r != '_' })
		return mixed || len(piece) >= 32 && !named.MatchString(piece)
	})
}

// isPrivate reports whether a variable of somebody's configuration holds a secret.
func isPrivate(key, value string) bool {
	byName := (manifest.SoundsSecret(key) || privateKey.MatchString(key)) && isExample(value)
	return byName || looksSecret(value) || login.MatchString(value) && !passwordInURL.MatchString(value)
}

// canBeMade reports whether a new value does as well as the one that stays behind.
func canBeMade(key, value string) bool {
	return madeHere.MatchString(key) && !accounts.MatchString(key) && !issued.MatchString(value)
}

// askFor makes a secret one that only the owner can know: with a pattern, nobody generates it.
func askFor(v manifest.EnvVar, what string) manifest.EnvVar {
	v.Required, v.Generate, v.Pattern = true, nil, ".+"
	v.Description = what + ", which only its owner knows"
	return v
}

var (
	passwordKey = regexp.MustCompile(`(?i)(PASSWORD|PASSWD|PASS|PWD)$`)
	hostOfURL   = regexp.MustCompile(`@([^/:?\s"'$]+)`)
)

// elsewhere reports whether a password is for a host that is no service of the file, by the URL that it stands in or by
// the variable that names the host.
func (s *service) elsewhere(e entry) bool {
	if strings.Contains(e.value, "://") {
		if m := hostOfURL.FindStringSubmatch(defaults(e.value)); m != nil {
			return !s.c.isOwnHost(m[1])
		}
		return false
	}
	stem := passwordKey.ReplaceAllString(e.key, "")
	return stem != e.key && slices.ContainsFunc(s.env, func(other entry) bool {
		end, ok := strings.CutPrefix(other.key, stem)
		if !ok || !hostKey.MatchString(end) || len(hostKey.FindString(end)) != len(end) {
			return false
		}
		host := defaults(other.value)
		if _, after, found := strings.Cut(host, "://"); found {
			host = after
		}
		host, _, _ = strings.Cut(host, ":")
		return host != "" && !s.c.isOwnHost(host)
	})
}

// isOwnHost reports whether a host is a service of the file.
func (c *converter) isOwnHost(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "0.0.0.0"}, host) || slices.ContainsFunc(c.services, func(s *service) bool {
		return s.old == host || text(get(s.in, "container_name")) == host || text(get(s.in, "hostname")) == host
	})
}
