package audit

import (
	"fmt"

	"dreamserver/manifest"
)

// declaration is what one extension says about a variable. All of them are set in one .env.
type declaration struct {
	id       string
	port     bool // it is the extension's published port
	variable manifest.EnvVar
}

// declare notes the variables of an extension. One that is there twice, installed and in the library, has them once.
func (t *tables) declare(f *folder) {
	s := &f.manifest.Service
	for _, v := range s.Variables() {
		all := t.variables[v.Key]
		if len(all) == 0 || all[len(all)-1].id != f.id {
			t.variables[v.Key] = append(all, declaration{f.id, v.Key == s.ExternalPortEnv, v})
		}
	}
}

// checkDeclarations compares the extension's variables with those of all others. Two may share one that means the same
// in both, such as the key of an account; no two can publish a port that one number sets.
func (f *folder) checkDeclarations(t *tables) {
	if f.manifest == nil {
		return
	}
	s := &f.manifest.Service
	for _, v := range s.Variables() {
		at := f.declared(v.Key)
		for _, other := range t.variables[v.Key] {
			mine := declaration{f.id, v.Key == s.ExternalPortEnv, v}
			if why := mine.against(other); why != "" && other.id != f.id {
				f.find("variable-collision", at, "is %s, which %s", v.Key, why)
				break
			}
		}
	}
}

// against says why two extensions cannot share a variable; empty when they can.
func (d declaration) against(other declaration) string {
	mine, its := d.variable, other.variable
	switch {
	case d.port && other.port:
		return "sets the port of " + other.id + ", too"
	case mine.Type != its.Type:
		return fmt.Sprintf("%s declares as %s, and this manifest as %s", other.id, its.Type, mine.Type)
	case mine.Default != nil && its.Default != nil && *mine.Default != *its.Default:
		return fmt.Sprintf("is %s by default in %s, and %s here", quote(*its.Default), other.id, quote(*mine.Default))
	}
	return ""
}

// declared is where the manifest declares the variable.
func (f *folder) declared(key string) value {
	for _, v := range f.service.at("env_vars").items() {
		if v.at("key").text() == key {
			return v.at("key")
		}
	}
	return f.service.at("external_port_env")
}
