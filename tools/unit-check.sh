#!/usr/bin/env bash
# Looks at the host agent's system service as it would be installed, where systemd's tools are. What an attacker
# could do with the agent, as systemd-analyze counts it, must not grow.
set -euo pipefail
exposure=23 # in tenths, as systemd 252 counts it

at=$(mktemp -d)
trap 'rm -rf "$at"' EXIT
export DREAM_INSTALL_DIR=$at
# shellcheck source-path=SCRIPTDIR source=unit.sh
. "$(dirname "${BASH_SOURCE[0]}")/unit.sh"

main() {
  local said
  private_tmp_is no "$at"
  private_tmp_is yes /srv/dream
  if ! have systemd-analyze; then
    say "  systemd-analyze is not here: the unit is not looked at"
    return
  fi
  mkdir "$at/bin"
  install -m 755 /bin/true "$agent"
  : >"$dir/.env"
  render_unit | sed 's/^PrivateTmp=no$/PrivateTmp=yes/' >"$at/$unit" # only our place is temporary
  # It exits 0 for a misspelt line, and speaks of other units of this machine as well.
  said=$(systemd-analyze verify --man=no "$at/$unit" 2>&1 | grep -F "$unit" || true)
  [ -z "$said" ] || die "$said"
  systemd-analyze security --offline=true --no-pager --threshold="$exposure" "$at/$unit" >"$at/report" ||
    die "$(grep -E '^✗|exposure' "$at/report")" "more than $exposure tenths: the unit allows more than it did"
}

# private_tmp_is checks what an installation in a place gets: private_tmp_is yes|no DIR
private_tmp_is() {
  [ "$(dir=$2 && setting() { printf '%s\n' "$2"; } && private_tmp)" = "$1" ] ||
    die "an installation in $2 must have PrivateTmp=$1"
}

main "$@"
