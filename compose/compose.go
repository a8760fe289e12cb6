// Package compose turns extension folders into running containers, in steps that can be looked at one by one:
//
//	[Resolve]   tree of files     → ordered list of files, and what was skipped and why   (pure)
//	[Load]      one unit's files  → a typed, interpolated model, or the reason it has none  (pure)
//	[Unit.Place] model            → the same model with this install's paths and names      (pure)
//	[Join]      base and units    → one project; a unit that does not fit drops out alone   (pure)
//	[Closure]   project, services → what one operation needs                                (pure)
//	[Encode]    project           → the file that docker compose runs                       (pure)
//	[Runner]    executes docker compose; nothing else does
//	[Engine]    talks to the Docker Engine API; nothing else does
//
// docs/compose.md walks through them with an example of each.
package compose

import "slices"

// Names of files in an installation and in an extension's folder.
const (
	BaseFile     = "docker-compose.base.yml"
	OverrideFile = "docker-compose.override.yml"
	legacyFile   = "docker-compose.yml"

	// Fragment is the main compose file of an extension unless its manifest names another.
	Fragment = "compose.yaml"
	// DisabledSuffix is added to the fragment's name to disable an extension. State is this file name.
	DisabledSuffix = ".disabled"
)

// Backends are the GPU backends that a machine may have.
func Backends() []string { return []string{"nvidia", "amd", "intel", "apple", "cpu"} }

// Modes say where inference runs.
func Modes() []string { return []string{"local", "hybrid", "cloud", "lemonade"} }

// localOverlay reports whether compose.local.yaml takes part: some inference runs on this machine.
func localOverlay(mode string) bool {
	return slices.Contains([]string{"local", "hybrid", "lemonade"}, mode)
}
