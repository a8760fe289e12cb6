# Everything that a person does with this repository. The work is in tools/*.sh, which say what they do.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# tools/go.sh finds go under sudo too, and builds as the person who called it.
GO := tools/go.sh
# The version comes from the latest tag; without one the programs keep the version in the source.
VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X dreamserver/config.version=$(VERSION:v%=%))
# The commit is stamped where git answers: it refuses to look at a tree that somebody else owns, and go then
# refuses to build.
VCS := $(shell git rev-parse --verify --quiet HEAD >/dev/null 2>&1 && echo true || echo false)
# Static, so that they run in an image made from scratch.
BUILD := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=$(VCS) -ldflags '$(LDFLAGS)'

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs, static, into bin/
	$(BUILD) -o bin/dream ./cmd/dream
	$(BUILD) -o bin/dashboard-api ./cmd/dashboard-api
	$(BUILD) -o bin/dream-host-agent ./cmd/host-agent
	$(BUILD) -o bin/hello ./tools/hello

.PHONY: web
web: ## Build the dashboard's pages into web/dist, which the next build embeds; generate its types
	@DREAM_VERSION=$(VERSION:v%=%) tools/web.sh generate build

.PHONY: run
run: ## Set this machine up, build, and start Dream Server
	@DREAM_VERSION=$(VERSION:v%=%) tools/web.sh build-if-possible
	@$(MAKE) --no-print-directory build
	@tools/run.sh

.PHONY: stop
stop: ## Stop what make run started; data and keys stay
	@tools/stop.sh

.PHONY: test
test: ## Run all tests, those against the real Docker Engine included
	@tools/test.sh

.PHONY: check
check: ## Check format, lint, modules, scripts and generated files
	@tools/check.sh

.PHONY: bench
bench: ## Measure against the goals, in one run
	@tools/test.sh bench

.PHONY: screenshots
screenshots: ## Make the pictures of the dashboard in docs/images
	@tools/test.sh screenshots

.PHONY: fmt
fmt: ## Format the Go sources
	@tools/lint.sh fmt

.PHONY: audit
audit: build ## Check the extensions that ship, and the stack that they make
	@tools/audit.sh
