#!/usr/bin/env bash
# Runs the tests, those against the real Docker Engine included: `make test`. `tools/test.sh bench` runs the
# benchmarks instead: `make bench`.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
  cd "$root"
  tools/setup.sh --test || exit 1 # read-only is no option here: no test is skipped
  if engine_needs_root; then
    sudo_keeping bash tools/test.sh "$@"
    exit
  fi
  export GO_AS_ROOT=1 GOFLAGS="${GOFLAGS:-} -buildvcs=false" DREAM_TEST_ENGINE=1
  case "${1:-}" in
    "") run_tests ;;
    bench) run_benchmarks ;;
    screenshots) make_screenshots ;;
    *) die "usage: tools/test.sh [bench|screenshots]" ;;
  esac
}

# run_tests also counts: each test that used the engine adds a line to the log.
run_tests() {
  local count status=0
  engine_tests=$(mktemp)
  trap 'rm -f "$engine_tests"' EXIT
  tools/web.sh test build # the programs of the stories serve the real pages
  tools/go.sh vet ./...
  DREAM_ENGINE_TEST_LOG=$engine_tests tools/go.sh test -race -count=1 -timeout 15m ./... || status=$?
  count=$(wc -l <"$engine_tests")
  say "$count tests ran against the real Docker Engine (version $(engine_version), compose $(docker compose version --short))"
  [ "$count" -gt 0 ] || die "no test ran against the engine: that is a failure of its own"
  exit $status
}

run_benchmarks() {
  tools/go.sh test -run '^$' -bench . -benchmem ./...
  DREAM_BENCH=1 tools/go.sh test ./e2e -run TestBench -v -count=1 -timeout 30m
}

# make_screenshots has a browser look at a real installation.
make_screenshots() {
  tools/web.sh build
  DREAM_SCREENSHOTS=$root/docs/images tools/go.sh test ./e2e -run '^TestScreenshots$' -count=1
}

main "$@"
