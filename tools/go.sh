#!/usr/bin/env bash
# Runs go: found where sudo's short PATH hides it, and as the person behind sudo, so that the build cache and
# bin/ are theirs. GO_AS_ROOT=1 keeps root: tests that need the engine need its rights.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

find_go() {
  local go
  for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go/bin/go /usr/lib/go-*/bin/go /snap/bin/go; do
    [ -n "$go" ] && [ -x "$go" ] && printf '%s\n' "$go" && return
  done
  die "Go is missing: install Go 1.26 or later, put its bin directory on PATH, and try again."
}

go=$(find_go)
if [ -n "${GO_AS_ROOT:-}" ]; then
  PATH="$(dirname "$go"):$PATH" exec "$go" "$@"
fi
PATH="$(dirname "$go"):$PATH" as_user "$go" "$@"
