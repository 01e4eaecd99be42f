#!/usr/bin/env bash
# Builds the release with its fakes and measures; see tests/bench/README.md and docs/PERFORMANCE.md.
#
#   tests/bench/run.sh                        all parts: 1 requests, 2 yardstick, 3 memory, 4 idle, 5 pebble, 6 lock, 7 serve
#   tests/bench/run.sh --runs 5 idle          one part, five times, medians
#   tests/bench/run.sh --json >figures.json   the same as JSON
#
# CHANCERY=PROGRAM measures another build of chancery. Slowness never fails this script; only what cannot be measured does.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/needs.sh

logs=build/test-logs
mkdir -p "$logs"
{
    needs_install $BUILD_NEEDS libnghttp2-dev libcmocka-dev python3 python3-pytest openssl || exit 1
    needs_pebble
} >&2
export PEBBLE="$(realpath "$PEBBLE")"
targets="fake-ca bare-client fake-dns bare-stat measure"
[ -n "${CHANCERY:-}" ] || targets="chancery $targets"
cmake --preset bench >"$logs/configure-bench.log" 2>&1 && cmake --build --preset bench --target $targets >"$logs/build-bench.log" 2>&1 || {
    tail -n 30 "$logs/configure-bench.log" "$logs/build-bench.log" >&2
    echo "the build of preset bench failed" >&2
    exit 1
}
CHANCERY_BUILD=build/bench exec /usr/bin/python3 -B tests/bench/bench.py "$@"
