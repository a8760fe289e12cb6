#!/usr/bin/env bash
# Brings Dream Server up from this checkout: `make run`. Run again, it changes only what is not yet so.
#
#   DREAM_INSTALL_DIR   where the installation lives; default ./install, which git ignores
#
# Without root and without Docker it says what is missing and serves the API read-only.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=unit.sh
. "$(dirname "${BASH_SOURCE[0]}")/unit.sh"

main() {
  local setup=0
  lock "$root/tools/lib.sh"
  "$root/tools/setup.sh" || setup=$?
  case $setup in
    0) run_all ;;
    3) run_read_only ;;
    *) exit "$setup" ;;
  esac
}

run_all() {
  decide_who
  build_image dream-server/dashboard-api:local Dockerfile
  build_image dream-server/hello:local tools/hello/Dockerfile
  init
  stop_read_only_api # it holds the port
  if [ -n "$as_service" ]; then start_agent_unit; else start_agent_in_background; fi
  say "control plane"
  dream up dashboard-api dashboard --wait
  start_enabled
  say_what_next
}

# start_enabled brings back what the last `make stop` took down. An extension that fails does not spoil the rest.
start_enabled() {
  local enabled
  enabled=$(dream list | awk '$3 == "enabled" { print $1 }') || return 0
  [ -n "$enabled" ] || return 0
  say "enabled extensions"
  # One that waits long, for the healthcheck of its database say, goes on without us.
  # shellcheck disable=SC2086 # a list of ids
  DREAM_INSTALL_DIR=$dir timeout 60 "$dir/bin/dream" up $enabled ||
    warn "not every enabled extension runs yet: see above, and \`dream status\`"
}

# decide_who decides who the agent is. A system service and an engine that answers root only take root.
as_service='' # not empty: the agent is a system service
by_root=''    # not empty: the agent is root, or becomes it through sudo
decide_who() {
  ! is_root && ! engine_needs_root || by_root=1
  if systemd_runs && [ -z "${DOCKER_HOST:-}" ] && { [ -n "$by_root" ] || { can_sudo && sudo true; }; }; then
    as_service=1 by_root=1
  fi
  # What the set-up found for this user need not be there for root.
  [ -z "$by_root" ] || is_root || sudo_keeping bash "$root/tools/setup.sh" --provide compose
}

as_agent() {
  local settings
  if [ -n "$by_root" ] && ! is_root; then
    # Settings of this call, such as DASHBOARD_PORT, get through; as arguments they would show in ps.
    settings=$(compgen -e | grep -E '^(DREAM|DASHBOARD|GPU|TIER|OLLAMA|WEBUI)(_|$)' | paste -sd,) || true
    sudo ${settings:+"--preserve-env=$settings"} "$@"
  else
    "$@"
  fi
}

# build_image takes a moment where nothing changed: the engine has the layers.
build_image() {
  local image=$1 dockerfile=$2 out
  say "image $image"
  out=$(cd "$root" && docker_cli build --quiet --tag "$image" --file "$dockerfile" . 2>&1) ||
    die "$image does not build:" "$out"
}

# init and what follows it is done as who the agent is: the folders that are the agent's own get their owner so.
init() {
  as_agent "$root/bin/dream" init --install-dir "$dir"
  put_binaries
}

# put_binaries copies the programs into the installation, so that the next build does not change what runs.
# Each appears under its name at once and whole.
put_binaries() {
  local name
  as_agent install -d -m 755 "$dir/bin"
  for name in dream dashboard-api dream-host-agent; do
    ! cmp -s "$root/bin/$name" "$dir/bin/$name" || continue
    as_agent install -m 755 "$root/bin/$name" "$dir/bin/.$name.new"
    as_agent mv -f "$dir/bin/.$name.new" "$dir/bin/$name"
  done
}

start_agent_unit() {
  local new other
  other=$(unit_install_dir)
  if [ -n "$other" ] && [ "$other" != "$dir" ]; then
    die "$unit serves $other: stop that first, with \`make stop DREAM_INSTALL_DIR=$other\`."
  fi
  stop_background_agent # of a run before systemd was there
  new=$(render_unit)
  if [ "$new" = "$(cat "$unit_file" 2>/dev/null)" ] && is_current "$(unit_pid)" "$agent"; then
    return
  fi
  say "host agent: system service $unit"
  as_root tee "$unit_file" >/dev/null <<<"$new"
  as_root systemctl daemon-reload
  as_root systemctl enable --quiet "$unit"
  as_root systemctl restart "$unit" || true # wait_for shows why
  wait_for "the host agent" unit_pid agent_answers || {
    as_root journalctl --unit "$unit" --lines 20 --no-pager --output cat >&2
    exit 1
  }
}

start_agent_in_background() {
  local pid as_who=() home=$HOME before
  if pid=$(background_agent_pid); then
    ! is_current "$pid" "$agent" || return 0
    stop_background_agent # it runs an older build
  fi
  [ -z "$by_root" ] || as_who=(--root) home=/root
  if systemd_runs; then
    say "host agent: in the background, until \`make stop\` or a reboot (a system service takes root)"
  else
    say "host agent: in the background, until \`make stop\` or a reboot (systemd does not run here)"
  fi
  before=$(as_agent stat -c %s "$agent_log" 2>/dev/null || echo 0)
  # It gets what a system service would get, and the engine's address: settings come from .env.
  spawn ${as_who[@]+"${as_who[@]}"} "$agent_pidfile" "$agent_log" \
    env -i "PATH=$PATH" "HOME=$home" ${DOCKER_HOST:+"DOCKER_HOST=$DOCKER_HOST"} "DREAM_INSTALL_DIR=$dir" "$agent"
  wait_for "the host agent" background_agent_pid agent_answers || {
    as_agent tail -c +$((before + 1)) "$agent_log" | tail -n 20 >&2
    die "(log: $agent_log)"
  }
}

# agent_answers asks as every client does, over the socket: TCP may be switched off.
agent_answers() { dream version 2>/dev/null | grep '^host agent' >/dev/null; }

# is_current reports whether that process runs the program as it is on disk now: is_current PID PROGRAM.
is_current() {
  [ -n "$1" ] && as_owner_of_process "$1" cmp -s "/proc/$1/exe" "$2"
}

# wait_for waits until a program answers: wait_for NAME PID_COMMAND ANSWERS_COMMAND. A program that ends is
# not waited for.
wait_for() {
  local name=$1 i dead=0
  for ((i = 0; i < 100; i++)); do
    if "$2" >/dev/null; then
      dead=0
      ! "$3" || return 0
    elif [ "$((dead += 1))" -ge 5 ]; then
      break
    fi
    sleep 0.2
  done
  warn "$name does not start. What it logged:"
  return 1
}

say_what_next() {
  local here api_port dashboard
  here=$(printf %q "$(short "$dir")") # to be pasted
  api_port=$(setting DASHBOARD_API_PORT 3002)
  # localhost, because extensions are at 127.0.0.1: under another name they are not sent the dashboard's cookie.
  dashboard=http://localhost
  case $(setting DASHBOARD_LAN_ADDRESS 127.0.0.1) in
    127.* | ::1) ;;
    *) dashboard=https://$(setting DASHBOARD_ALLOWED_HOSTS localhost | cut -d, -f1) ;;
  esac
  cat <<END

Dream Server runs.

  dashboard   $dashboard:$(setting DASHBOARD_PORT 3001)
  API         http://127.0.0.1:$api_port
  key         $here/bin/dream key show

Try next:

  $here/bin/dream list
  $here/bin/dream $(is_enabled hello && echo status || echo install hello)
  curl http://127.0.0.1:$(setting HELLO_PORT 7806)/

END
}

is_enabled() { dream list | awk -v id="$1" '$1 == id && $3 == "enabled" { found = 1 } END { exit !found }'; }

run_read_only() {
  local pid
  init
  if pid=$(read_only_api_pid) && is_current "$pid" "$api"; then
    say_read_only
    return
  fi
  stop_read_only_api
  : >"$api_log"
  spawn "$api_pidfile" "$api_log" \
    env -i "PATH=$PATH" "HOME=$HOME" DREAM_READ_ONLY=true "DREAM_INSTALL_DIR=$dir" "$api"
  wait_for "the API" read_only_api_pid api_answers || {
    tail -n 20 "$api_log" >&2
    die "(log: $api_log)"
  }
  say_read_only
}

api_answers() { http_answers "$(setting DASHBOARD_API_PORT 3002)" /health; }

say_read_only() {
  cat <<END

The API runs read-only: extensions can be looked at, not installed or started.

  API   http://127.0.0.1:$(setting DASHBOARD_API_PORT 3002)
  key   DASHBOARD_API_KEY in $(short "$dir")/.env

Put in place what is missing (see above), then run \`make run\` again. \`make stop\` stops the API.

END
}

main "$@"
