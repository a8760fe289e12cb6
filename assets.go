// Package dreamserver holds the files that make an installation. It exists because Go embeds only what lies at
// or below the package: the root is where users look for these files, so they stay there.
package dreamserver

import "embed"

// The extensions prometheus and grafana have the alerts and the dashboard that deploy/ offers for a Prometheus of one's own.
//
//go:generate cp deploy/prometheus/alerts.yml extensions/library/prometheus/alerts.yml
//go:generate cp deploy/prometheus/dashboard.json extensions/library/grafana/dream-server.json
//go:generate go run ./cmd/dream catalog build --library extensions/library --output config/extensions-catalog.json

// Assets are the files as `dream init` lays them out in an installation: docker-compose.base.yml and its
// overlays, config/*.json, and extensions/ with services (built in), library (can be installed) and what
// authors need. Paths are slash-separated and relative to the installation. Embedding keeps no file modes.
//
//go:embed docker-compose.*.yml config/*.json all:extensions
var Assets embed.FS
