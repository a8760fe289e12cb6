#!/usr/bin/env bash
# Takes down what tools/run.sh brought up: `make stop`. Data, extensions and keys stay. A Docker Engine that this
# checkout's set-up started ends with it, unless containers of others run there. With --engine it stops no installation,
# only such an engine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=installation.sh
. "$(dirname "${BASH_SOURCE[0]}")/installation.sh"

main() {
  local failed=0
  lock "$root/tools/lib.sh"
  if [ "${1:-}" != --engine ]; then
    stop_read_only_api
    stop_containers || failed=1
    stop_agent_unit
    stop_background_agent
  fi
  stop_started_engine
  [ "$failed" -eq 0 ] || die "some containers may still run: see above"
}

# stop_containers asks the agent. After a reboot without systemd the containers are back and the agent is not:
# then they are found by their label. Where this user reaches no engine, nothing of ours runs.
stop_containers() {
  [ -x "$dir/bin/dream" ] && reaches_engine || return 0
  if background_agent_pid >/dev/null || unit_pid >/dev/null; then
    say "stopping the containers"
    dream down || remove_labelled # an agent that hangs
  else
    remove_labelled
  fi
}

reaches_engine() {
  if engine_needs_root; then can_sudo; else engine_version >/dev/null; fi
}

remove_labelled() {
  local label containers networks
  label=label=com.docker.compose.project=$(setting DREAM_PROJECT dream-server)
  containers=$(docker_cli ps --all --quiet --filter "$label") || return 1
  networks=$(docker_cli network ls --quiet --filter "$label") || return 1
  [ -n "$containers$networks" ] || return 0
  say "stopping the containers (without the host agent)"
  # shellcheck disable=SC2086 # lists of ids
  {
    [ -z "$containers" ] || { docker_cli stop $containers && docker_cli rm $containers; } || return 1
    [ -z "$networks" ] || docker_cli network rm $networks || return 1
  } >/dev/null
}

main "$@"
