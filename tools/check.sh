#!/usr/bin/env bash
# Checks what tests cannot: `make check`. Every check runs, so that one call shows all there is to mend. It
# changes nothing in the tree. A new check is a function here and a line in main.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

failed=()

main() {
  cd "$root"
  check "format" tools/lint.sh fmt --diff
  check "lint" tools/lint.sh run
  check "vet" tools/go.sh vet ./...
  check "go.mod is tidy" tools/go.sh mod tidy -diff
  check "shell scripts" shell_scripts
  check "systemd unit" tools/unit-check.sh
  check "no binaries in the tree" no_binaries
  check "generated files are current" generated_files
  check "web: types, lint, generated types" tools/web.sh check
  check "extensions pass the audit" extensions
  if [ ${#failed[@]} -gt 0 ]; then
    die "" "failed: $(printf '%s; ' "${failed[@]}")"
  fi
  say "all checks passed"
}

check() {
  local name=$1
  shift
  say "check: $name"
  "$@" || failed+=("$name")
}

# tree lists the files that belong to the project, committed or about to be.
tree() { git ls-files --cached --others --exclude-standard -z "$@"; }

shell_scripts() {
  local scripts ok=0
  scripts=$(tree '*.sh' .ci/run | tr '\0' '\n')
  while read -r script; do
    bash -n "$script" || ok=1
  done <<<"$scripts"
  if have shellcheck; then
    xargs -d '\n' shellcheck -x <<<"$scripts" || ok=1
  fi
  return $ok
}

# no_binaries allows pictures and fonts, and fixtures that are broken on purpose.
no_binaries() {
  local found
  found=$(tree | grep -zvE '\.(png|ico|webp|woff2)$|(^|/)testdata/' |
    xargs -0 -I{} find {} -maxdepth 0 -type f -size +0 -print0 2>/dev/null |
    xargs -0r grep -IL . || true)
  [ -z "$found" ] || {
    warn "binary files: build products belong in bin/, which git ignores" "$found"
    return 1
  }
}

# extensions prints the report only where there is something to mend.
extensions() {
  local report
  report=$(tools/go.sh run ./cmd/dream audit --all --strict --project-dir "$root") || {
    warn "$report"
    return 1
  }
}

# generated_files runs every go:generate line in a copy of the tree and looks at what that changes. What is
# generated in another way gets its command here, too.
generated_files() {
  local copy stale
  copy=$(as_user mktemp -d)
  tree | xargs -0 -I{} find {} -maxdepth 0 -print0 | tar -c --null -T - | as_user tar -x -C "$copy"
  stale=$(
    cd "$copy" || exit 1
    as_user git init --quiet . && as_user git add --all && "$root/tools/go.sh" generate ./... >&2 &&
      as_user git status --porcelain | grep -v '^A  '
  )
  rm -rf "$copy"
  [ -z "$stale" ] || {
    warn "stale, run \`go generate ./...\`:" "$stale"
    return 1
  }
}

main "$@"
