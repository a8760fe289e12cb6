# shellcheck shell=bash disable=SC2034 # its variables are used by who sources it
# One installation and what runs for it on the host: what run.sh and stop.sh share. It is sourced, never run.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

dir=$(readlink -m "${DREAM_INSTALL_DIR:-$root/install}")
agent=$dir/bin/dream-host-agent
agent_pidfile=$dir/run/agent.pid
agent_log=$dir/state/agent.log
api=$dir/bin/dashboard-api # on the host only while the API is read-only; else it is in its container
api_pidfile=$dir/run/dashboard-api.pid
api_log=$dir/run/dashboard-api.log
unit=dream-host-agent.service
unit_file=/etc/systemd/system/$unit

dream() { DREAM_INSTALL_DIR=$dir "$dir/bin/dream" "$@"; }

# forget removes a file of the installation, whose folder may be root's.
forget() {
  if [ -w "$(dirname "$1")" ]; then rm -f "$1"; else as_root rm -f "$1"; fi
}

# setting prints a value of the installation's .env, else the default: setting NAME DEFAULT.
setting() {
  local value read=()
  [ -r "$dir/.env" ] || read=(as_root)
  value=$(${read[@]+"${read[@]}"} sed -n "s/^$1=//p" "$dir/.env" | tail -n 1 | tr -d "\"'")
  printf '%s\n' "${value:-$2}"
}

# short prints a path the way a person standing in the checkout would type it.
short() {
  case $1 in
    "$root"/*) printf './%s\n' "${1#"$root"/}" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

background_agent_pid() { running "$agent_pidfile" "$agent"; }
read_only_api_pid() { running "$api_pidfile" "$api"; }

# unit_install_dir prints the installation that the system service is for; nothing where there is no service.
unit_install_dir() {
  local line
  line=$(sed -n 's/^Environment="DREAM_INSTALL_DIR=\(.*\)"$/\1/p' "$unit_file" 2>/dev/null) || true
  printf '%s\n' "${line//%%/%}"
}

unit_pid() {
  local pid
  pid=$(systemctl show --property MainPID --value "$unit" 2>/dev/null) && [ "${pid:-0}" != 0 ] && printf '%s\n' "$pid"
}

stop_background_agent() {
  local pid
  pid=$(background_agent_pid) || return 0
  say "stopping the host agent"
  terminate "$pid" 40 || die "the host agent ($pid) does not stop: see $agent_log"
  forget "$agent_pidfile"
}

stop_agent_unit() {
  [ "$(unit_install_dir)" = "$dir" ] || return 0
  say "stopping the host agent ($unit)"
  as_root systemctl disable --quiet --now "$unit"
  as_root rm -f "$unit_file"
  as_root systemctl daemon-reload
}

stop_read_only_api() {
  local pid
  pid=$(read_only_api_pid) || return 0
  say "stopping the read-only API"
  terminate "$pid" 30 || die "the read-only API ($pid) does not stop: see $api_log"
  forget "$api_pidfile"
}
