package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/config"
)

// lanTLS is how the dashboard serves other machines; nil when it serves its own alone. Whoever opens it to the LAN
// says under which names, and brings a certificate: without names any page could point its own name here, and
// without TLS anybody on the way could read the keys.
func lanTLS(s config.Settings, log zerolog.Logger) (*tls.Config, error) {
	if !s.ServesLAN() {
		return nil, nil //nolint:nilnil // no TLS is no error
	}
	if len(s.AllowedHosts) == 0 {
		return nil, fmt.Errorf("DASHBOARD_LAN_ADDRESS is %s, so that other machines reach the dashboard, and DASHBOARD_ALLOWED_HOSTS is empty: "+
			"set it to the host names that they use, such as dream.lan, or DASHBOARD_LAN_ADDRESS to 127.0.0.1", s.LANAddress)
	}
	c := &certificate{dir: s.TLSDir(), log: log}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("DASHBOARD_LAN_ADDRESS is %s, so that other machines reach the dashboard, and it has no certificate: "+
			"put one into tls/cert.pem and its key into tls/key.pem of the installation, readable by its owner: %w", s.LANAddress, err)
	}
	c.judge(s.AllowedHosts)
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certificate is the one in the files, as they are now. While they are being replaced the one before is served.
type certificate struct {
	dir string
	log zerolog.Logger

	mu   sync.Mutex
	cert *tls.Certificate
	seen [2]os.FileInfo // of the files, when they were read last
}

func (c *certificate) files() [2]string {
	return [2]string{filepath.Join(c.dir, "cert.pem"), filepath.Join(c.dir, "key.pem")}
}

// get is asked at each handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed() {
		if err := c.load(); err != nil {
			c.log.Warn().Err(err).Msg("the certificate has changed and cannot be used: the one before stays")
		} else {
			c.log.Info().Time("expires", c.cert.Leaf.NotAfter).Msg("the certificate has changed")
		}
	}
	return c.cert, nil
}

func (c *certificate) changed() bool {
	for i, name := range c.files() {
		now, err := os.Stat(name)
		if err != nil {
			if c.seen[i] != nil {
				return true
			}
			continue
		}
		before := c.seen[i]
		if before == nil || !os.SameFile(now, before) || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
			return true
		}
	}
	return false
}

// load reads the files. What they were like is noted first, so that a change meanwhile is seen the next time.
func (c *certificate) load() error {
	names := c.files()
	var errs []error
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		c.seen[i] = info
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(names[0], names[1])
	switch {
	case errors.Is(err, fs.ErrPermission):
		return err
	case err != nil:
		return fmt.Errorf("%s and key.pem: %w", names[0], err)
	}
	c.cert = &cert
	return nil
}

// judge says in the log what browsers will not like.
func (c *certificate) judge(hosts []string) {
	leaf := c.cert.Leaf
	if now := time.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		c.log.Warn().Time("from", leaf.NotBefore).Time("until", leaf.NotAfter).Msg("the certificate is not valid now: browsers will warn")
	}
	for _, host := range hosts {
		if err := leaf.VerifyHostname(host); err != nil {
			c.log.Warn().Str("host", host).Msg("the certificate is not for this name of DASHBOARD_ALLOWED_HOSTS: browsers will warn")
		}
	}
}
