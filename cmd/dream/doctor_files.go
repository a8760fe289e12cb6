package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dreamserver"
	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/deploy/systemd"
)

// files looks at what is on disk, for which nobody needs to be asked.
func (x *examination) files() {
	x.facts.Installation = installationFacts(x.settings)
	x.facts.Settings = x.envFacts()
	x.facts.Paths = pathFacts(x.settings)
	x.facts.Certificate = certificateFacts(x.settings)
	x.facts.Service = serviceFacts(x.settings)
	for _, name := range []string{x.settings.EnvFile, filepath.Join(x.settings.InstallDir, compose.BaseFile)} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(x.facts.Clock.Newest) {
			x.facts.Clock = doctor.Clock{Newest: info.ModTime(), File: name}
		}
	}
}

func installationFacts(s config.Settings) doctor.Installation {
	i := doctor.Installation{Dir: s.InstallDir, Exists: isInstallation(s.InstallDir), Version: config.Version()}
	if !i.Exists {
		return i
	}
	l := &layout{assets: dreamserver.Assets, settings: s}
	var changed []string
	var err error
	i.Missing, changed, i.Shipped, err = l.compare()
	for _, name := range changed {
		if filepath.Join(s.InstallDir, name) != s.CatalogFile { // made from the library, and a check of its own
			i.Changed = append(i.Changed, name)
		}
	}
	if err != nil {
		i.Problem = err.Error()
	}
	return i
}

// envFacts are about .env, and never a value of it.
func (x *examination) envFacts() doctor.Settings {
	s := doctor.Settings{File: x.settings.EnvFile}
	if info, err := os.Lstat(s.File); err == nil {
		s.Link = info.Mode()&fs.ModeSymlink != 0
	}
	if info, err := os.Stat(s.File); err == nil {
		s.Kind = kindOf(info.Mode())
	}
	env, err := config.ReadEnv(x.settings.EnvFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Missing = true
	case errors.Is(err, fs.ErrPermission):
		s.Denied = true
	case err == nil:
		s.Keys = map[string]int{}
		for _, key := range doctor.KeyNames() {
			s.Keys[key] = len(env[key])
		}
		s.Notes = x.settings.Notes
	}
	if x.invalid != nil {
		s.Invalid = strings.Split(x.invalid.Error(), "\n")
	}
	return s
}

// kindOf is what is there in place of a file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	}
	return "a device or a socket"
}

// pathFacts are of what must be closed, or open, or whose.
func pathFacts(s config.Settings) []doctor.Path {
	var paths []doctor.Path
	for _, p := range []doctor.Path{
		{File: s.EnvFile, Most: 0o600, Least: 0o400, Secret: true, Owner: s.UID},
		{File: s.StateDir, Most: 0o700, Least: 0o700, Secret: true, Owner: -1},
		{File: filepath.Dir(s.AgentSocket), Most: 0o710, Least: 0o710, Owner: -1},
		{File: s.TLSDir(), Most: 0o750, Least: 0o500, Owner: -1},
		{File: filepath.Join(s.TLSDir(), "key.pem"), Most: 0o640, Least: 0o400, Secret: true, Owner: s.UID},
		{File: s.DataDir, Most: 0o750, Least: 0o700, Owner: s.UID},
		{File: s.UserExtensionsDir, Most: 0o755, Least: 0o700, Owner: s.UID},
		{File: s.OperationsDir, Most: 0o755, Least: 0o700, Owner: s.UID},
	} {
		info, err := os.Stat(p.File)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // what must be there is the installation's check
		case err != nil:
			p.Problem = err.Error()
		default:
			p.Mode, p.UID = info.Mode(), ownerOf(info).uid
		}
		paths = append(paths, p)
	}
	return paths
}

func certificateFacts(s config.Settings) doctor.Certificate {
	c := doctor.Certificate{
		Needed: s.ServesLAN(), File: filepath.Join(s.TLSDir(), "cert.pem"), Address: s.LANAddress, Hosts: s.AllowedHosts,
	}
	if !c.Needed {
		return c
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		c.Problem, c.Denied = err.Error(), errors.Is(err, fs.ErrPermission)
		return c
	}
	// The key may be its owner's alone; then the certificate tells the rest.
	if _, err := tls.LoadX509KeyPair(c.File, filepath.Join(s.TLSDir(), "key.pem")); err != nil && !errors.Is(err, fs.ErrPermission) {
		c.Problem = err.Error()
		return c
	}
	block, _ := pem.Decode(data)
	if block == nil {
		c.Problem = c.File + " holds no certificate"
		return c
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		c.Problem = err.Error()
		return c
	}
	c.From, c.Until = leaf.NotBefore, leaf.NotAfter
	for _, host := range s.AllowedHosts {
		if leaf.VerifyHostname(host) != nil {
			c.Foreign = append(c.Foreign, host)
		}
	}
	return c
}

func serviceFacts(s config.Settings) doctor.Service {
	unit := doctor.Service{File: systemd.File}
	data, err := os.ReadFile(systemd.File)
	if err != nil {
		return unit // mostly there is none
	}
	unit.Exists = true
	if dir := systemd.InstallDir(string(data)); dir != s.InstallDir {
		unit.Install = dir
		return unit
	}
	unit.Outdated = systemd.Missing(string(data))
	return unit
}
