#!/usr/bin/env bash
# What is done with the dashboard's sources in web/, which takes Node 20.19 or later and npm. Packages are installed when the
# lock file is another one than last time.
#
#   tools/web.sh STEP…
#
#   generate            the API's types, from its OpenAPI document
#   check               types, lint, and whether the generated types are current
#   test                the unit tests
#   build               the pages, into web/dist
#   build-if-possible   the same; without Node it says so, and the programs serve a page that says how to build them
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

web=$root/web

main() {
  local step
  [ $# -gt 0 ] || die "usage: tools/web.sh generate|check|test|build|build-if-possible…"
  for step in "$@"; do
    case $step in
      generate) prepared && npm_run generate ;;
      check) prepared && npm_run check && types_are_current ;;
      test) prepared && npm_run test ;;
      build) prepared && build ;;
      build-if-possible) build_if_possible ;;
      *) die "there is no step $step" ;;
    esac
  done
}

prepared() {
  local stamp=$web/node_modules/.installed-lock
  has_node || die "the dashboard takes Node 20.19 or later and npm: install them, and try again."
  ! cmp -s "$web/package-lock.json" "$stamp" || return 0
  say "web: installing packages"
  (cd "$web" && as_user npm ci --no-audit --no-fund --loglevel=error) || die "npm ci failed: see above."
  as_user cp "$web/package-lock.json" "$stamp"
}

npm_run() { (cd "$web" && as_user env ${DREAM_VERSION:+"DREAM_VERSION=$DREAM_VERSION"} npm run --silent "$@"); }

# build does nothing where the pages are newer than all that they are made of, and for the same version.
build() {
  local built=$web/dist/index.html made_for=$web/node_modules/.built-version
  if [ -f "$built" ] && [ "$(cat "$made_for" 2>/dev/null)" = "${DREAM_VERSION:-}" ] &&
    [ -z "$(find "$web/src" "$web/public" "$web/index.html" "$web/package-lock.json" "$web/vite.config.ts" -newer "$built" -print -quit)" ]; then
    return
  fi
  say "web: building the pages"
  npm_run build
  printf '%s' "${DREAM_VERSION:-}" | as_user tee "$made_for" >/dev/null
}

build_if_possible() {
  if has_node; then
    prepared
    build
  elif [ -f "$web/dist/index.html" ]; then
    warn "web: without Node 20.19 or later the pages stay as they were built last"
  else
    warn "web: without Node 20.19 or later the dashboard has no pages: install it, then \`make web\`"
  fi
}

types_are_current() {
  local fresh stale=
  fresh=$(as_user mktemp)
  (cd "$web" && as_user node_modules/.bin/openapi-typescript ../api/testdata/openapi.golden.json --output "$fresh" >/dev/null 2>&1)
  cmp -s "$fresh" "$web/src/api/schema.gen.ts" || stale=1
  rm -f "$fresh"
  [ -z "$stale" ] || die "web/src/api/schema.gen.ts is stale: run \`make web\`"
}

main "$@"
