// Package shipped is the one place that says which policies are compiled in. The host agent imports it, which asks them, and
// the command line, with which authors test theirs. To add one of your own, import its package here and list its name in
// config/server/config.yml. The API imports it not: it asks the agent, and stays without CEL.
package shipped

import (
	_ "dreamserver/security/policy/gpuquota"
	_ "dreamserver/security/policy/requiredigest"
	_ "dreamserver/security/policy/resourcelimits"
	_ "dreamserver/security/policy/rules" // in CEL
)
