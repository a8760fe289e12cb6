// Package manifest is the contract between an extension and the platform: manifest.yaml, version
// dream.services.v1. It reads, checks and describes one extension; it knows no Docker and no HTTP.
//
// Start with [Read], which finds and parses the manifest of one folder.
package manifest

import (
	"slices"
	"time"
)

// SchemaVersion is the only value of schema_version that this program reads.
const SchemaVersion = "dream.services.v1"

// Manifest is one parsed manifest.yaml. It is immutable once parsed and may be shared.
type Manifest struct {
	SchemaVersion string        `yaml:"schema_version"`
	Compatibility Compatibility `yaml:"compatibility"`
	Service       Service       `yaml:"service"`
	Features      []Feature     `yaml:"features"`
	// Tags are search words. Older manifests have them at the root, newer ones in service.
	Tags []string `yaml:"tags"`

	// Warnings are what a person should mend but what stops nothing: unknown keys, dropped aliases.
	Warnings []Issue `yaml:"-"`
}

// Compatibility is the range of platform versions that the extension's author tested. Both ends are
// inclusive; an empty end is open.
type Compatibility struct {
	DreamMin string `yaml:"dream_min"`
	DreamMax string `yaml:"dream_max"`
}

// Category says who decides whether a service runs.
type Category string

// The categories of contract v1.
const (
	Core        Category = "core"        // always on; its containers are defined in docker-compose.base.yml
	Recommended Category = "recommended" // on by default
	Optional    Category = "optional"    // the owner opts in
)

// Type says what runs the service.
type Type string

// The types of contract v1.
const (
	Docker      Type = "docker"
	HostSystemd Type = "host-systemd"
)

// Service is the section `service`.
type Service struct {
	ID            string   `yaml:"id"`
	Name          string   `yaml:"name"`
	Description   string   `yaml:"description"`
	Aliases       []string `yaml:"aliases"`
	Category      Category `yaml:"category"` // default optional
	Type          Type     `yaml:"type"`     // default docker
	ContainerName string   `yaml:"container_name"`
	// Unit is the unit of systemd of a service of type host-systemd; empty means the id.
	Unit string `yaml:"unit"`
	// ComposeFile is the main fragment, a plain file name in the extension's folder. A core service has none.
	ComposeFile string   `yaml:"compose_file"`
	DependsOn   []string `yaml:"depends_on"`
	// GPUBackends lists where the service runs: amd, nvidia, intel, apple, cpu, all, none.
	// When the manifest does not say, [DefaultGPUBackends] holds.
	GPUBackends []string `yaml:"gpu_backends"`
	// Grants are what the extension needs beyond what every extension may do. The owner sees and gives them.
	Grants []Grant `yaml:"grants"`

	// Port is the port inside the container; 0 means that the service listens on none.
	Port                int    `yaml:"port"`
	ExternalPortEnv     string `yaml:"external_port_env"`
	ExternalPortDefault int    `yaml:"external_port_default"`
	HostEnv             string `yaml:"host_env"`
	DefaultHost         string `yaml:"default_host"`

	// Health is the path of the health endpoint; empty means that there is none.
	Health        string `yaml:"health"`
	HealthPort    int    `yaml:"health_port"`
	HealthTimeout int    `yaml:"health_timeout"` // seconds; 0 means 5

	UIPath      string   `yaml:"ui_path"`
	SidebarIcon string   `yaml:"sidebar_icon"`
	EnvVars     []EnvVar `yaml:"env_vars"`
	// DataDirs are folders of data/<id> that must have an owner or a mode before the containers start.
	DataDirs  []DataDir `yaml:"data_dirs"`
	Tags      []string  `yaml:"tags"`
	SetupHook string    `yaml:"setup_hook"` // read and never run: hooks would be root on the host
}

// DefaultGPUBackends is what a manifest without gpu_backends supports (the reference's resolver).
func DefaultGPUBackends() []string { return []string{"amd", "nvidia"} }

// Feature is a user-visible ability that one or more services make possible.
type Feature struct {
	ID                 string       `yaml:"id" json:"id"`
	Name               string       `yaml:"name" json:"name"`
	Description        string       `yaml:"description" json:"description"`
	Icon               string       `yaml:"icon" json:"icon"`
	Category           string       `yaml:"category" json:"category"`
	Requirements       Requirements `yaml:"requirements" json:"requirements"`
	EnabledServicesAll []string     `yaml:"enabled_services_all" json:"enabled_services_all"`
	EnabledServicesAny []string     `yaml:"enabled_services_any" json:"enabled_services_any,omitempty"`
	SetupTime          string       `yaml:"setup_time" json:"setup_time"`
	Priority           int          `yaml:"priority" json:"priority"`
	GPUBackends        []string     `yaml:"gpu_backends" json:"gpu_backends,omitempty"`
}

// Requirements is what a feature needs. Sizes are in gigabytes.
type Requirements struct {
	Services    []string `yaml:"services" json:"services"`
	ServicesAll []string `yaml:"services_all" json:"services_all,omitempty"`
	ServicesAny []string `yaml:"services_any" json:"services_any,omitempty"`
	VRAMGB      float64  `yaml:"vram_gb" json:"vram_gb"`
	DiskGB      float64  `yaml:"disk_gb" json:"disk_gb,omitempty"`
}

// Issue is one thing wrong in a manifest, and where.
type Issue struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // 0 when the whole file is meant
	Path    string `json:"path,omitempty"` // key path: service.port
	Message string `json:"message"`
	Unknown bool   `json:"-"` // Path is no key of the contract
}

// Supports reports whether the service runs on a machine with this GPU backend.
func (s *Service) Supports(backend string) bool {
	return slices.ContainsFunc(s.GPUBackends, func(b string) bool {
		return b == backend || b == "all" || b == "none"
	})
}

// PublishedPort is the default port on the host, or 0 for a service that publishes none.
func (s *Service) PublishedPort() int {
	if s.ExternalPortDefault != 0 {
		return s.ExternalPortDefault
	}
	return s.Port
}

// ProbeTimeout is how long a health probe may take.
func (s *Service) ProbeTimeout() time.Duration {
	if s.HealthTimeout == 0 {
		return 5 * time.Second
	}
	return time.Duration(s.HealthTimeout) * time.Second
}

// UnitName is the unit of systemd that runs a service of type host-systemd.
func (s *Service) UnitName() string {
	if s.Unit == "" {
		return s.ID + ".service"
	}
	return s.Unit
}
