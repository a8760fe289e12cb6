package manifest

import (
	"regexp"
	"slices"
	"strings"
)

// infer gives a variable of a manifest that names no type the one that its key and default speak for. saysSecret is
// whether the manifest says that it is a secret, or that it is none.
func (v *EnvVar) infer(saysSecret bool) {
	if !saysSecret && SoundsSecret(v.Key) {
		v.Secret = true
	}
	switch {
	case v.Secret:
		v.Type = SecretVar
	case endsIn(v.Key, "_PORT") && (v.Default == nil || EnvVar{Type: PortVar}.Check(*v.Default) == ""):
		v.Type = PortVar
	case endsIn(v.Key, "_URL", "_URI") && (v.Default == nil || EnvVar{Type: URLVar}.Check(*v.Default) == ""):
		v.Type = URLVar
	case v.Default != nil && slices.Contains([]string{"true", "false"}, strings.ToLower(*v.Default)):
		v.Type = BooleanVar
	default:
		v.Type = StringVar
	}
}

// SoundsSecret reports whether a variable of this name holds a secret, as far as a name can tell.
func SoundsSecret(key string) bool {
	return secretName.MatchString(key) && !openName.MatchString(key)
}

var (
	secretName = regexp.MustCompile(`(?i)(PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|TOKEN|API_?KEY|(^|_)KEY|KEY_BASE|SALT|CREDENTIALS?)$`)
	openName   = regexp.MustCompile(`(?i)(PUBLIC_?KEY|SSH_KEY|SORT_KEY|ALLOW_EMPTY_PASSWORD|RANDOM_\w*PASSWORD)$`)
)

// The ends of keys of accounts. A key that is no more than the word counts, too: TOKEN.
var accountEnds = []string{"_TOKEN", "_API_KEY", "_ACCESS_KEY", "_ACCESS_KEY_ID", "_CLIENT_ID", "_CLIENT_SECRET"}

func endsIn(key string, ends ...string) bool {
	key = "_" + strings.ToUpper(key)
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(key, end) })
}

// Generator says how a value of a variable is made when the owner gives none: as the manifest says, else, for a secret
// that has no default and belongs to the extension itself, as 64 hexadecimal digits (32 for an initialisation vector).
// It is nil for what only the owner can know: all that is no secret, and the key of an account elsewhere, such as
// OPENAI_API_KEY of an extension that is not called openai.
func (s *Service) Generator(v EnvVar) *Generate {
	switch {
	case v.Generate != nil:
		return v.Generate
	case !v.Secret || v.Default != nil && *v.Default != "" || v.Pattern != "":
		return nil
	case endsIn(v.Key, accountEnds...) && !s.owns(v.Key):
		return nil
	case endsIn(v.Key, "_IV"):
		return &Generate{Format: hexFormat, Bytes: 16}
	}
	return &Generate{Format: hexFormat, Bytes: 32}
}

// owns reports whether the key begins with the first word of the extension's id.
func (s *Service) owns(key string) bool { return OwnName(s.ID, key) }

// OwnName reports whether a variable is called like the extension: its name begins with the first word of the id.
func OwnName(id, key string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(id, "_", "-"), "-")
	return strings.HasPrefix(strings.ToUpper(key), strings.ToUpper(word)+"_")
}

// Sample is a value that the variable could have, for a person who is asked for one; empty for a secret, and where
// nothing is known.
func (v EnvVar) Sample() string {
	switch {
	case v.Secret:
		return ""
	case v.Example != "":
		return v.Example
	case v.Default != nil && *v.Default != "":
		return *v.Default
	}
	sample := ""
	switch v.Type {
	case EnumVar:
		sample = v.Options[0]
	case IntegerVar:
		sample = "10"
	case BooleanVar:
		sample = "true"
	case PortVar:
		sample = "8080"
	case URLVar:
		sample = "https://example.org"
	case StringVar, SecretVar:
		switch description := strings.ToLower(v.Description); {
		case endsIn(v.Key, "_EMAIL", "_MAIL") || strings.Contains(description, "email") || strings.Contains(description, "e-mail"):
			sample = "you@example.org"
		case endsIn(v.Key, "_USER", "_USERNAME"):
			sample = "admin"
		case endsIn(v.Key, "_HOST", "_DOMAIN", "_HOSTNAME"):
			sample = "dream.lan"
		}
	}
	if v.Check(sample) != "" { // its pattern wants something else
		return ""
	}
	return sample
}
