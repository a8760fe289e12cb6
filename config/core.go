package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// idPattern is the rule of manifest.ValidID, which a leaf like this one does not import.
var idPattern = regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,62}\z`)

// ReadCoreIDs reads core-service-ids.json: the ids of the services that ship with the platform, which no
// installed extension may take.
func ReadCoreIDs(data []byte) ([]string, error) {
	var ids []string
	if err := json.Unmarshal(data, &ids); err != nil {
		return nil, fmt.Errorf("core-service-ids.json: %w: write a list of ids", err)
	}
	if len(ids) == 0 {
		return nil, errors.New("core-service-ids.json: lists no id: write the ids of the built-in services")
	}
	seen := map[string]bool{}
	for i, id := range ids {
		if !idPattern.MatchString(id) {
			return nil, fmt.Errorf("core-service-ids.json: entry %d, %q, is not a service id", i, id)
		}
		if seen[id] {
			return nil, fmt.Errorf("core-service-ids.json: %q is there twice: keep one", id)
		}
		seen[id] = true
	}
	return ids, nil
}

// reserved are ids that an extension must not have, with the reason.
var reserved = map[string]string{
	// An extension's data is in data/<id>, beside our own folders there.
	"operations":         "data/operations holds the records of changes",
	"user-extensions":    "data/user-extensions holds what is installed",
	"extensions-library": "data/extensions-library holds what can be installed",
	"models":             "data/models holds the language models that services share",
	"config":             "data/config and config hold settings",
	"backups":            "data/backups holds copies of the data",
	"logs":               "data/logs holds the programs' logs",

	// Names of the installation's folders: one mistake in a path must not make them an extension.
	"data":       "data holds everything that services write",
	"extensions": "extensions holds the built-in extensions",
	"services":   "extensions/services holds the built-in extensions",
	"library":    "extensions/library holds what can be installed",
	"templates":  "extensions/templates holds examples",
	"schema":     "extensions/schema holds the manifest's schema",
	"state":      "state is the agent's own",
	"approved":   "state/approved holds what may run",
	"trees":      "state/trees holds copies of what was checked",
	"run":        "run holds the agent's socket",
	"server":     "config/server holds the servers' settings",
	"api-keys":   "config/api-keys holds the keys of the API",
	"tls":        "tls holds the dashboard's certificate and its key",

	// Names of our programs, commands and routes.
	"agent":            "the host agent goes by this name in commands and logs",
	"host-agent":       "the host agent goes by this name",
	"dream-host-agent": "the host agent goes by this name",
	"dream":            "the command line goes by this name",
	"dream-server":     "the compose project goes by this name",
	"dream-network":    "the shared network goes by this name",
	"catalog":          "/api/extensions/catalog is the list of extensions",
	"audit":            "dream audit extensions is a command",

	// Names with a meaning in Docker.
	"docker":  "it would pass for Docker itself",
	"compose": "it would pass for Docker Compose",
	"default": "Compose's default network goes by this name",
	"host":    "Docker's host network goes by this name",
	"none":    "Docker's empty network goes by this name",
	"bridge":  "Docker's default network goes by this name",
	"base":    "docker-compose.base.yml goes by this name",

	"webui":     "the container of the core service open-webui goes by this name",
	"localhost": "it would resolve to the container itself",
}

// ReservedID reports whether id names something of our own, so that no extension may have it.
func ReservedID(id string) bool { return ReservedReason(id) != "" }

// ReservedReason says what the reserved id stands for; it is empty for any other.
func ReservedReason(id string) string {
	if strings.HasPrefix(id, DefaultNames().Prefix) {
		return "containers of other extensions go by names that begin so"
	}
	return reserved[id]
}
