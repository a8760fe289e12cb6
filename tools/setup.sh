#!/usr/bin/env bash
# Makes this machine ready: a Docker Engine that answers and `docker compose`; with --test also a static
# busybox, which test images are made of, a C compiler, which the race detector needs, Prometheus with promtool, which
# read and check our metrics, docker-registry, which tests pull images from, Python, which the SDK for plugins is in, Node with
# npm, which the dashboard is built with, and Chromium, which its pages are tested in.
# What is there already is used as it is. Nothing is said where nothing is missing.
#
#   tools/setup.sh [--test]
#
# Exit status: 0 ready, 1 a step failed, 3 something is missing that this user may not install.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

compose_plugin=/usr/local/lib/docker/cli-plugins/docker-compose
packages_log=$started_dir/packages.log

main() {
  local parts="engine compose" missing
  case "${1:-}" in
    "") ;;
    --test) parts="$parts busybox compiler prometheus registry python node chromium" ;;
    --provide) # what we call ourselves with through sudo
      shift
      provide "$@"
      return
      ;;
    *) die "usage: tools/setup.sh [--test]" ;;
  esac

  missing=$(missing_of "$parts")
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # a list of words
  if is_root; then
    provide $missing
  elif may_become_root "$missing"; then
    become_root $missing
  else
    explain "$missing"
  fi
}

# missing_of prints those of the named parts that are not in place for this user.
missing_of() {
  local part out=
  for part in $1; do
    "has_$part" || out="$out $part"
  done
  printf '%s\n' "${out# }"
}

has_engine() { engine_version >/dev/null; }
has_compose() { compose_works; }
has_busybox() { have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }
has_compiler() { have gcc && printf '#include <stdlib.h>\n' | gcc -E - >/dev/null 2>&1; }

has_prometheus() { have prometheus && have promtool; }
has_registry() { have docker-registry; }
has_python() { have python3; }
has_chromium() { have chromium; }

may_become_root() {
  can_sudo || return 1
  sudo -n true 2>/dev/null || say "set-up: sudo may ask for your password, for: $1"
  sudo true
}

become_root() { sudo_keeping bash "$root/tools/setup.sh" --provide "$@"; }

# provide puts the named parts in place. It runs as root.
provide() {
  local part
  mkdir -p "$started_dir"
  chmod 755 "$started_dir"
  touch "$started_dir/setup.lock"
  lock "$started_dir/setup.lock"
  : >"$packages_log"
  for part in "$@"; do
    "has_$part" || "provide_$part"
  done
}

provide_engine() {
  refuse_foreign_engine
  if ! have dockerd; then
    need_apt engine
    say "set-up: installing Docker Engine"
    # Debian 13 ships the client as a package of its own.
    # shellcheck disable=SC2046 # a list of words
    install_packages docker.io iptables ca-certificates $(have docker || candidate docker-cli)
    hash -r
    ! systemd_runs || record_engine # the package starts it
  fi
  has_engine || start_engine
}

# refuse_foreign_engine stops where docker is pointed at an engine elsewhere: a second one beside it would be
# no help, and replacing a person's Docker is not ours to do.
refuse_foreign_engine() {
  local context
  have docker || return 0
  context=$(docker context inspect --format '{{.Name}}' 2>/dev/null || echo default)
  if [ -n "${DOCKER_HOST:-}" ]; then
    not_ours "DOCKER_HOST=$DOCKER_HOST does not answer: start that engine, or unset the variable."
  elif [ "$context" != default ]; then
    not_ours "Docker context \"$context\" does not answer: start it, or run \`docker context use default\`."
  fi
}

start_engine() {
  if systemd_runs; then
    say "set-up: starting Docker Engine (systemctl)"
    record_engine
    systemctl start docker || true # wait_for_engine shows why
  else
    say "set-up: starting Docker Engine (dockerd in the background, log in $engine_log)"
    : >"$engine_log"
    forget_stale /var/run/docker.pid dockerd
    forget_stale /var/run/docker/containerd/containerd.pid containerd
    printf '%s\n' "$root" >"$engine_owner"
    spawn "$engine_record" "$engine_log" dockerd
  fi
  wait_for_engine
}

# record_engine notes that systemd runs an engine because of us.
record_engine() {
  printf '%s\n' "$root" >"$engine_owner"
  echo systemd >"$engine_record"
}

wait_for_engine() {
  local i
  for ((i = 0; i < 120; i++)); do
    ! has_engine || return 0
    if ! systemd_runs && ! running "$engine_record" dockerd >/dev/null; then
      rm -f "$engine_record" "$engine_owner"
      alive /var/run/docker.pid dockerd || break # somebody else's, about to answer perhaps
    fi
    sleep 0.5
  done
  rm -f "$engine_record" "$engine_owner"
  warn "Docker Engine does not start. The end of its log:"
  if systemd_runs; then journalctl -u docker -n 15 --no-pager >&2; else tail -n 15 "$engine_log" >&2; fi
  exit 1
}

# forget_stale removes a process id file whose process is gone. dockerd asks only whether a process has that id,
# and after a crash that may be any program.
forget_stale() { alive "$1" "$2" || rm -f "$1"; }

# alive reports whether the process named in a file runs, and is that program: alive PIDFILE NAME.
alive() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ]
}

provide_compose() {
  local package
  if docker compose version >/dev/null 2>&1; then
    not_ours "$(docker compose version | head -n 1) is too old: Dream Server needs 2.29 or later. Please upgrade it."
  elif [ -e "$compose_plugin" ]; then
    not_ours "$compose_plugin is there and does not work. Please remove or repair it."
  fi
  ! have apt-get || need_apt compose
  if have apt-get && package=$(compose_package); then
    say "set-up: installing $package"
    install_packages "$package"
  else
    build_compose
  fi
  has_compose || die "\`docker compose\` does not work although it was just installed:" "$(docker compose version 2>&1)"
}

# compose_package prints the distribution's package of a plugin that is new enough. Debian 12 has none: its
# docker-compose is the Python program of old.
compose_package() {
  local package version
  for package in docker-compose-plugin docker-compose-v2 docker-compose; do
    version=$(candidate_version "$package")
    version=${version#*:}
    if [ -n "$version" ] && dpkg --compare-versions "$version" ge 2.29; then
      printf '%s\n' "$package"
      return 0
    fi
  done
  return 1
}

# build_compose makes the plugin from the module in tools/compose and puts it where root's docker finds it too.
build_compose() {
  local module=$root/tools/compose version dir new=$compose_plugin.new
  version=$(awk '$1 == "github.com/docker/compose/v5" { print $2 }' "$module/go.mod")
  say "set-up: building docker compose $version from source (about a minute)"
  dir=$(as_user mktemp -d)
  (
    cd "$module"
    CGO_ENABLED=0 "$root/tools/go.sh" build -buildvcs=false -trimpath \
      -ldflags "-s -w -X github.com/docker/compose/v5/internal.Version=$version" \
      -o "$dir/docker-compose" github.com/docker/compose/v5/cmd
  ) >>"$packages_log" 2>&1 || {
    rm -rf "$dir"
    warn "docker compose $version does not build; the plugin may also be installed by hand. The end of the output:"
    tail -n 15 "$packages_log" >&2
    exit 1
  }
  install -d -m 755 "${compose_plugin%/*}"
  install -m 755 "$dir/docker-compose" "$new"
  mv -f "$new" "$compose_plugin"
  rm -rf "$dir"
}

provide_busybox() {
  need_apt busybox
  say "set-up: installing busybox-static"
  install_packages busybox-static
}

provide_compiler() {
  need_apt compiler
  say "set-up: installing gcc"
  install_packages gcc libc6-dev
}

provide_prometheus() {
  need_apt prometheus
  unpack_programs prometheus prometheus promtool
}

provide_registry() {
  need_apt registry
  unpack_programs docker-registry docker-registry
}

provide_python() {
  need_apt python
  say "set-up: installing Python"
  install_packages python3
}

provide_node() {
  local version
  need_apt node
  version=$(candidate_version nodejs)
  if have node || [ -z "$version" ] || ! dpkg --compare-versions "$version" ge 20.19; then
    not_ours "Node is missing, or older than 20.19, and this system has no package of a newer one: install it, with npm."
  fi
  say "set-up: installing Node"
  install_packages nodejs npm
}

provide_chromium() {
  need_apt chromium
  say "set-up: installing Chromium"
  install_packages chromium
}

# unpack_programs takes programs out of a package and installs nothing else of it: the packages of servers would run one
# on this machine from now on, for every address. unpack_programs PACKAGE PROGRAM…
unpack_programs() {
  local package=$1 dir program
  shift
  say "set-up: unpacking $* (package $package)"
  dir=$(mktemp -d)
  (cd "$dir" && { apt_get download "$package" || { update_packages && apt_get download "$package"; }; }) || {
    rm -rf "$dir"
    warn "apt-get does not download $package. The end of its output:"
    tail -n 15 "$packages_log" >&2
    exit 1
  }
  dpkg-deb --extract "$dir/$package"_*.deb "$dir/tree"
  for program in "$@"; do
    install -m 755 "$dir/tree/usr/bin/$program" "/usr/local/bin/$program.new"
    mv -f "/usr/local/bin/$program.new" "/usr/local/bin/$program"
  done
  rm -rf "$dir"
}

install_packages() {
  # A list that is a few weeks old names versions that the mirror no longer has: then update, and once more.
  apt_get install "$@" || { update_packages && apt_get install "$@"; } || {
    warn "apt-get does not install $*. The end of its output:"
    tail -n 15 "$packages_log" >&2
    exit 1
  }
}

# update_packages never fails the run: one unreachable source of several is no reason, a missing package is.
update_packages() { apt_get update || true; }

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" \
    >>"$packages_log" 2>&1 9>&-
}

# candidate prints the package's name if apt could install it.
candidate() { [ -z "$(candidate_version "$1")" ] || printf '%s\n' "$1"; }

candidate_version() {
  LC_ALL=C apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# need_apt makes sure that apt is here and knows its packages: a bare machine has never updated its lists.
need_apt() {
  have apt-get || explain "$1"
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || update_packages
}

# explain says what is missing and what to do, and ends with the status that lets make run go on read-only.
explain() {
  local part
  warn "Missing, and this user may not install it:"
  for part in $1; do
    warn "  - $("missing_$part")"
  done
  if have apt-get; then
    warn "Run the same command as root or through sudo, and it is set up for you."
  else
    warn "This set-up installs packages on Debian and its relatives only. Here: $(packages_elsewhere)"
  fi
  exit 3
}

not_ours() {
  warn "$@"
  exit 3
}

missing_engine() {
  if engine_needs_root; then
    say "Docker Engine runs but does not let $(id -un) in: ask for membership in the group docker"
  elif have dockerd; then
    say "Docker Engine is installed and does not run"
  else
    say "Docker Engine (package docker.io)"
  fi
}
missing_compose() { say "docker compose, version 2.29 or later"; }
missing_busybox() { say "a static busybox (package busybox-static)"; }
missing_prometheus() { say "Prometheus and promtool (package prometheus)"; }
missing_registry() { say "docker-registry (package docker-registry; elsewhere the program of distribution, under this name)"; }
missing_python() { say "Python (package python3)"; }
missing_node() { say "Node 20.19 or later, with npm"; }
missing_chromium() { say "Chromium (package chromium)"; }
missing_compiler() { say "a C compiler (packages gcc and libc6-dev)"; }

packages_elsewhere() {
  local ids
  ids=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}") || true
  case " $ids " in
    *" rhel "* | *" centos "*) say "install Docker Engine and its compose plugin from Docker's own repository." ;;
    *" fedora "*) say "dnf install moby-engine docker-compose busybox gcc glibc-devel golang-github-prometheus python3 nodejs-npm chromium" ;;
    *" arch "*) say "pacman -S docker docker-compose busybox gcc prometheus python npm chromium" ;;
    *suse*) say "zypper install docker docker-compose busybox-static gcc glibc-devel golang-github-prometheus-prometheus python3 npm chromium" ;;
    *" alpine "*) say "apk add docker docker-cli-compose busybox-static gcc musl-dev prometheus python3 npm chromium" ;;
    *) say "install Docker Engine, its compose plugin, a static busybox, a C compiler, Prometheus, Python, Node, Chromium and a registry called docker-registry." ;;
  esac
}

main "$@"
