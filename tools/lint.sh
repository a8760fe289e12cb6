#!/usr/bin/env bash
# Runs golangci-lint at the version that tools/lint/go.mod names: tools/lint.sh run, tools/lint.sh fmt.
# It is built once and kept outside the tree until that version changes: a build takes minutes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
  local cache linter
  cache=$("$root/tools/go.sh" env GOCACHE)
  linter=${cache%/*}/dream-server/golangci-lint-$(fingerprint)
  [ -x "$linter" ] || build "$linter"
  cd "$root"
  # The linter calls go itself.
  PATH="$("$root/tools/go.sh" env GOROOT)/bin:$PATH" GOFLAGS="${GOFLAGS:-} -buildvcs=false" as_user "$linter" "$@"
}

fingerprint() {
  { cat "$root/tools/lint/go.mod" "$root/tools/lint/go.sum" && "$root/tools/go.sh" env GOVERSION; } |
    sha256sum | cut -c1-16
}

# build replaces the linters of older versions.
build() {
  local version
  version=$(awk '$1 == "github.com/golangci/golangci-lint/v2" { print $2 }' "$root/tools/lint/go.mod")
  say "building golangci-lint $version from source (once; some minutes)"
  as_user mkdir -p "${1%/*}"
  (
    cd "$root/tools/lint"
    CGO_ENABLED=0 "$root/tools/go.sh" build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$version" \
      -o "$1.new" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
  )
  rm -f "${1%/*}"/golangci-lint-????????????????
  mv -f "$1.new" "$1"
}

main "$@"
