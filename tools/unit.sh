# shellcheck shell=bash
# The host agent's system service for one installation. It is sourced, never run.

# shellcheck source-path=SCRIPTDIR source=installation.sh
. "$(dirname "${BASH_SOURCE[0]}")/installation.sh"

# render_unit fills in the template and leaves out its comments. % starts a specifier in a unit file.
render_unit() {
  local text writable='' path
  while read -r path; do
    writable+=" \"${path//%/%%}\""
  done < <(writable_paths)
  text=$(grep -v '^#' "$root/deploy/systemd/$unit")
  text=${text//@WRITABLE_PATHS@/"${writable# }"}
  text=${text//@PRIVATE_TMP@/"$(private_tmp)"}
  printf '%s\n' "${text//@INSTALL_DIR@/"${dir//%/%%}"}"
}

# writable_paths lists what the agent writes: the installation, and those of its folders that lie elsewhere, by
# a setting or behind a link.
writable_paths() {
  local data path
  data=$(setting DREAM_DATA_DIR "$dir/data")
  printf '%s\n' "$dir"
  for path in "$data" "$data/models" "$data/user-extensions" "$(setting DREAM_STATE_DIR "$dir/state")" \
    "$(dirname "$(setting DREAM_AGENT_SOCKET "$dir/run/agent.sock")")"; do
    readlink -m "$path"
  done | awk -v dir="$dir/" 'index($0 "/", dir) != 1 && !seen[$0]++'
}

# private_tmp is yes, unless something of the installation lies in a temporary directory: the engine, which is
# outside, must see it under the same name.
private_tmp() {
  if writable_paths | grep -E '^/(var/)?tmp(/|$)' >/dev/null; then echo no; else echo yes; fi
}
