package main

// The policies that are compiled in. To add one of your own, import its package here and list its name in
// config/server/config.yml.
import (
	_ "dreamserver/security/policy/gpuquota"
	_ "dreamserver/security/policy/requiredigest"
	_ "dreamserver/security/policy/resourcelimits"
	_ "dreamserver/security/policy/rules" // in CEL
)
