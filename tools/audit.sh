#!/usr/bin/env bash
# Looks at every extension that ships: `make audit`. Each must pass the audit; then all are installed and on, and on every
# kind of machine none may be skipped that is made for it, and docker compose, where it is, must load the whole.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
  local backend fragment failed=0
  "$root/bin/dream" audit --all --strict --project-dir "$root" || failed=1
  trial=$(mktemp -d)
  trap 'rm -rf "$trial"' EXIT
  "$root/bin/dream" init --install-dir "$trial" >/dev/null
  cp -R "$trial/data/extensions-library/." "$trial/data/user-extensions/"
  for fragment in "$trial"/extensions/services/*/*.disabled; do
    mv "$fragment" "${fragment%.disabled}"
  done
  for backend in nvidia amd intel apple cpu; do
    stack "$backend" || failed=1
  done
  return $failed
}

stack() {
  local out files
  out=$("$root/bin/dream" --install-dir "$trial" resolve --json --gpu-backend "$1") || return 1
  if grep -q '"warning": true' <<<"$out"; then # else it is made for another kind of machine
    warn "$1: skipped:" "$(sed -n '/"skipped"/,$p' <<<"$out")"
    return 1
  fi
  files=$("$root/bin/dream" --install-dir "$trial" resolve --gpu-backend "$1") || return 1
  if compose_works; then
    # shellcheck disable=SC2046,SC2086 # -f options, with no blank in any name: ids have none
    (cd "$trial" && env $(stand_ins ${files//-f /}) docker compose $files config --quiet) || return 1
  fi
  say "$1: $(sed '/"skipped"/,$d' <<<"$out" | grep -c '"id":') extensions resolve and load"
}

# stand_ins gives every variable that compose files cannot do without a value: owners are asked, or they are generated.
stand_ins() {
  grep -ohE '\$\{[A-Za-z0-9_]+:\?' "$@" | sed -E 's/^\$\{(.*):\?$/\1=abcdefgh/' | sort -u
}

main "$@"
