#!/usr/bin/env bash
# Looks at every extension that ships, as if all were installed, on every kind of machine: `make audit`. None may
# be skipped, and docker compose, where it is, must load the whole.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
  local backend failed=0
  trial=$(mktemp -d)
  trap 'rm -rf "$trial"' EXIT
  "$root/bin/dream" init --install-dir "$trial" >/dev/null
  cp -R "$trial/data/extensions-library/." "$trial/data/user-extensions/"
  for backend in nvidia amd intel apple cpu; do
    audit "$backend" || failed=1
  done
  return $failed
}

audit() {
  local out files
  out=$("$root/bin/dream" --install-dir "$trial" resolve --json --gpu-backend "$1") || return 1
  if ! grep -q '"skipped": \[\]' <<<"$out"; then
    warn "$1: skipped:" "$(sed -n '/"skipped"/,$p' <<<"$out")"
    return 1
  fi
  files=$("$root/bin/dream" --install-dir "$trial" resolve --gpu-backend "$1") || return 1
  if compose_works; then
    # shellcheck disable=SC2086 # -f options, with no blank in any name: ids have none
    (cd "$trial" && docker compose $files config --quiet) || return 1
  fi
  say "$1: $(grep -o '"id":' <<<"$out" | wc -l) extensions resolve and load"
}

main "$@"
