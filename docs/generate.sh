#!/usr/bin/env bash
# Writes the generated documents of this folder anew: docs/generate.sh [BUILD_FOLDER]
set -eu
cd "$(dirname "$0")/.."
build=${1:-${CHANCERY_BUILD:-}}
if [ -z "$build" ]; then
    for build in build/debug build/crash build/release; do
        [ -x "$build/chancery" ] && break
    done
fi
[ -x "$build/chancery" ] || { echo "no program in $build: build it first (cmake --preset debug && cmake --build --preset debug)" >&2; exit 1; }

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$build/chancery" documents "$fresh"
rm -rf docs/providers docs/schema
install -m 644 "$fresh"/docs/*.md docs/
install -d docs/providers docs/schema
install -m 644 "$fresh"/docs/providers/*.md docs/providers/
install -m 644 "$fresh"/schema/*.json docs/schema/
echo "wrote docs/*.md, docs/providers and docs/schema with $build/chancery"
