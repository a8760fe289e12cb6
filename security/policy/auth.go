package policy

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxKey is the largest file of a key, in bytes.
const maxKey = 4 << 10

// Credentials are how a server knows us.
type Credentials struct {
	Bearer string // Authorization: Bearer …
	// Sign is the key of an HMAC-SHA256 over the time, a dot and the body: X-Dream-Timestamp has the time in seconds since
	// 1970, X-Dream-Signature "sha256=" and the HMAC in hexadecimal digits.
	Sign string
}

// parseAuth reads where the key is. The key itself has no place in the config, which everybody may read.
func parseAuth(n *yaml.Node, into *Auth) error {
	into.Line = n.Line
	keys := map[string]*string{
		"bearer_file": &into.BearerFile, "bearer_env": &into.BearerEnv, "hmac_file": &into.HMACFile, "hmac_env": &into.HMACEnv,
	}
	readers := map[string]func(*yaml.Node) error{}
	for name, value := range keys {
		readers[name] = func(v *yaml.Node) error {
			if v.Kind != yaml.ScalarNode || v.Value == "" {
				return wrong(v, "plugins.auth."+name, "is not the name of a file or a setting")
			}
			if strings.HasSuffix(name, "_file") && !filepath.IsAbs(v.Value) {
				return wrong(v, "plugins.auth."+name, "is not a whole path, such as /etc/dream/policy.key") // its value may be a key
			}
			*value = v.Value
			return nil
		}
	}
	if err := fields(n, "plugins.auth", readers); err != nil {
		return err
	}
	if len(n.Content) != 2 {
		return wrong(n, "plugins.auth", "write one of bearer_file, bearer_env, hmac_file and hmac_env")
	}
	return nil
}

// credentials reads the key. Its errors name the place and never the content.
func (from Sources) credentials(a Auth) (c Credentials, err error) {
	for _, one := range []struct {
		name, file, env string
		into            *string
	}{{"bearer", a.BearerFile, a.BearerEnv, &c.Bearer}, {"hmac", a.HMACFile, a.HMACEnv, &c.Sign}} {
		switch {
		case one.file != "":
			if *one.into, err = from.keyFile(one.file); err != nil {
				return Credentials{}, fmt.Errorf("auth.%s_file (line %d): %w", one.name, a.Line, err)
			}
		case one.env != "":
			if *one.into, err = usableKey(from.Getenv(one.env)); err != nil {
				return Credentials{}, fmt.Errorf("auth.%s_env (line %d): %s in .env %w", one.name, a.Line, one.env, err)
			}
		}
	}
	return c, nil
}

// keyFile is the key in a file that nobody else may change or read.
func (from Sources) keyFile(name string) (string, error) {
	data, err := from.readOwned(name, maxKey, func(info fs.FileInfo) error {
		if info.Mode()&0o007 != 0 {
			return fmt.Errorf("%s may be read by others (%s): chmod o-rwx %[1]s", name, info.Mode())
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	key, err := usableKey(string(data))
	if err != nil {
		return "", fmt.Errorf("%s %w", name, err)
	}
	return key, nil
}

// usableKey is the key without the white space around it, if it can stand in a header.
func usableKey(text string) (string, error) {
	key := strings.TrimSpace(text)
	if key == "" {
		return "", fmt.Errorf("is empty: put the key there")
	}
	if i := strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
		return "", fmt.Errorf("has a character at byte %d that no key has: write one line of letters, digits and signs", i+1)
	}
	return key, nil
}
