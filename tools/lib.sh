# shellcheck shell=bash disable=SC2034 # its variables are used by who sources it
# What the scripts beside this file share. It is sourced, never run.

# root is the checkout. readlink: a path with links in it must not look like a second install.
root=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/..")

# started_dir remembers what we started on this machine, so that make stop stops that and nothing else.
# It is under /run on purpose: after a reboot nothing of it is true.
started_dir=/run/dream-server
engine_record=$started_dir/engine # "systemd", or the process id of the dockerd that we started
engine_owner=$started_dir/engine-owner # the checkout whose set-up started it
engine_log=$started_dir/dockerd.log

# dockerd, iptables and runuser live in sbin, which a plain user's PATH leaves out.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
  warn "$@"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }
systemd_runs() { [ -d /run/systemd/system ]; }

# can_sudo reports whether sudo works here: without a password, or with one that a person can type.
can_sudo() {
  have sudo || return 1
  sudo -n true 2>/dev/null || [ -t 0 ]
}

as_root() {
  if is_root; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "this takes root: run it as root, or install sudo"
  fi
}

# sudo_keeping is sudo with what go, apt and the tests read from the environment, which sudo forgets.
sudo_keeping() {
  local keep=("PATH=$PATH") name
  for name in GOPROXY GOFLAGS GOSUMDB GONOSUMDB GOPRIVATE DREAM_REAL_EXTENSIONS \
    http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || keep+=("$name=${!name}")
  done
  sudo env "${keep[@]}" "$@"
}

# invoking_user prints who called sudo; it fails where nobody did.
invoking_user() {
  is_root && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] && printf '%s\n' "$SUDO_USER"
}

# as_user runs a command as the person behind sudo, so that what it builds and caches is theirs.
as_user() {
  local user
  if user=$(invoking_user); then
    runuser -u "$user" -- env HOME="$(getent passwd "$user" | cut -d: -f6)" "$@"
  else
    "$@"
  fi
}

# engine_version prints the version of the Docker Engine; it fails where none answers this user.
engine_version() {
  have docker && timeout 20 docker version --format '{{.Server.Version}}' 2>/dev/null
}

# engine_needs_root reports whether an engine is there that answers root only.
engine_needs_root() {
  ! is_root && [ -z "${DOCKER_HOST:-}" ] && [ -S /var/run/docker.sock ] && ! [ -w /var/run/docker.sock ]
}

# compose_works reports whether `docker compose` is there and writes its progress as JSON (2.29 is the first).
compose_works() { have docker && docker compose --progress json version >/dev/null 2>&1; }

# has_node reports whether there is a Node that Vite runs on.
has_node() {
  have npm && have node && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

# docker_cli is docker for this user: through sudo where the engine answers root only.
docker_cli() {
  if engine_needs_root; then sudo docker "$@"; else docker "$@"; fi
}

# spawn starts a command that outlives us and writes its process id: spawn [--root] PIDFILE LOG COMMAND…
# It gets none of our file descriptors: it would hold make's pipes and our lock for as long as it lives.
spawn() {
  local who=()
  if [ "$1" = --root ]; then
    is_root || who=(sudo)
    shift
  fi
  # shellcheck disable=SC2016 # the inner shell expands these
  ${who[@]+"${who[@]}"} bash -c '
    pidfile=$1 log=$2; shift 2
    nohup setsid "$@" >>"$log" 2>&1 </dev/null 3>&- 4>&- 9>&- &
    echo $! >"$pidfile"' spawn "$@"
}

# running prints the process id in PIDFILE if that process was started as PROGRAM: ids are used again.
running() {
  local pidfile=$1 program=$2 pid argv0=
  pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] || return 1
  { read -r -d '' argv0 <"/proc/$pid/cmdline"; } 2>/dev/null || true
  [ "$argv0" = "$program" ] || return 1
  printf '%s\n' "$pid"
}

# as_owner_of_process runs a command with the rights of the process's owner: as_owner_of_process PID COMMAND…
as_owner_of_process() {
  local pid=$1
  shift
  if [ "$(stat -c %u "/proc/$pid" 2>/dev/null)" = "$(id -u)" ]; then "$@"; else as_root "$@"; fi
}

# terminate ends a process politely and waits: terminate PID SECONDS. One that hangs, or is frozen, is killed then.
# It fails where the process goes on all the same.
terminate() {
  local pid=$1 seconds=$2
  as_owner_of_process "$pid" kill -TERM "$pid" 2>/dev/null || return 0
  ends_within "$pid" "$seconds" && return 0
  warn "process $pid does not end by itself: it is killed"
  as_owner_of_process "$pid" kill -KILL "$pid" 2>/dev/null || return 0
  ends_within "$pid" 5
}

ends_within() {
  local pid=$1 seconds=$2 i
  for ((i = 0; i < seconds * 10; i++)); do
    [ -d "/proc/$pid" ] || return 0
    [ "$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)" != Z ] || return 0
    sleep 0.1
  done
  return 1
}

# lock makes concurrent runs take turns: lock FILE. The file must be there; the lock ends with this shell.
lock() {
  exec 9<"$1"
  flock -n 9 && return 0
  say "waiting for another run"
  flock 9
}

# http_answers reports whether GET path on that loopback port gives 200. A bare machine has no curl.
http_answers() {
  local port=$1 path=$2 status
  # shellcheck disable=SC2016 # the inner shell expands these
  status=$(timeout 3 bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$2" >&3
    read -r _ status _ <&3 && echo "$status"' http_answers "$port" "$path" 2>/dev/null) && [ "$status" = 200 ]
}

# stop_started_engine stops the Docker Engine if this checkout's set-up started it and no container runs on it, of
# whomever. There is one engine on a machine, and others may have come to use it.
stop_started_engine() {
  local pid='' owner names how
  [ -e "$engine_record" ] || return 0
  if [ "$(cat "$engine_record")" = systemd ]; then
    how='systemctl stop docker.socket docker.service'
    systemctl is-active --quiet docker.service || { forget_engine && return 0; }
  else
    pid=$(running "$engine_record" dockerd) || { forget_engine && return 0; }
    how="kill $pid"
  fi
  owner=$(cat "$engine_owner" 2>/dev/null) || true
  if [ "$owner" != "$root" ]; then
    say "Docker Engine goes on: ${owner:-another checkout} started it, not this one."
    if [ -x "$owner/tools/stop.sh" ]; then how="\`$owner/tools/stop.sh --engine\`"; else how="\`$how\`, as root,"; fi
    say "When \`docker ps\` shows nothing that anybody needs, $how ends it."
  elif ! is_root && ! can_sudo; then
    say "Docker Engine goes on: ending it takes root, \`$how\`."
  elif ! names=$(as_root timeout 20 docker --host unix:///var/run/docker.sock ps --format '{{.Names}}' 2>/dev/null); then
    say "Docker Engine goes on: it does not say what runs on it. \`$how\`, as root, ends it."
  elif [ -n "$names" ]; then
    say "Docker Engine goes on: containers run on it, $(head -n 3 <<<"$names" | paste -sd ' ')$([ "$(wc -l <<<"$names")" -le 3 ] || echo ' …')."
    say "When they are stopped, \`tools/stop.sh --engine\` ends it."
  elif [ -z "$pid" ]; then
    say "stopping Docker Engine (systemctl)"
    as_root systemctl stop docker.socket docker.service
    forget_engine
  else
    say "stopping Docker Engine"
    terminate "$pid" 60 || die "dockerd ($pid) does not stop: see $engine_log"
    forget_engine
  fi
}

# forget_engine removes the record of an engine that is gone. Without root it stays, and does no harm.
forget_engine() {
  if is_root || can_sudo; then as_root rm -f "$engine_record" "$engine_owner"; fi
}
