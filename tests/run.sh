#!/usr/bin/env bash
# The test command: installs what the tests need, builds, runs, and ends with one line "N passed, N failed, N skipped".
#
#   tests/run.sh                 everything that belongs to every change
#   tests/run.sh unit stories    only these kinds
#
# Kinds: unit stories talks fuzz shape e2e crash. Nothing outside the build folder is changed, apart from Debian packages.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/needs.sh

kinds=${*:-unit stories talks fuzz shape e2e crash}
jobs=$(nproc)
logs=build/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

say() { printf '\n== %s\n' "$*"; }

count() { # passed failed skipped
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

build() { # preset
    say "build $1"
    if ! { cmake --preset "$1" >"$logs/configure-$1.log" 2>&1 && cmake --build --preset "$1" -j "$jobs" >"$logs/build-$1.log" 2>&1; }; then
        tail -n 40 "$logs/configure-$1.log" "$logs/build-$1.log"
        echo "the build of preset $1 failed"
        count 0 1 0
        return 1
    fi
}

run_ctest() { # label
    say "$1"
    local log=$logs/$1.log
    ctest --test-dir build/debug -L "^$1\$" -j "$jobs" --output-on-failure --no-tests=error >"$log" 2>&1
    local rc=$? n_all n_bad
    n_bad=$(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\1/p' "$log")
    n_all=$(sed -n 's/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\2/p' "$log")
    if [ -z "$n_all" ]; then
        tail -n 30 "$log"
        count 0 1 0
        return
    fi
    [ "$rc" -ne 0 ] && grep -vE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*Passed' "$log" | tail -n 150
    # A program holds many tests; cmocka and the runners of stories and talks tell each.
    local all=build/debug/Testing/Temporary/LastTest.log ok skip
    ok=$(grep -cE '^\[       OK \]|^ok |^  [0-9]+ ms$' "$all")
    skip=$(grep -cE '^\[  SKIPPED \] [a-z]|^SKIPPED:' "$all")
    grep -E '^\[  SKIPPED \] [a-z]|^SKIPPED:|^LOUD' "$all" | sort -u
    echo "$((n_all - n_bad)) of $n_all test programs passed ($ok tests in them, $skip skipped)"
    [ "$ok" -lt "$n_all" ] && ok=$((n_all - n_bad))
    count "$ok" "$n_bad" "$skip"
}

run_pytest() { # kind
    say "$1"
    local log=$logs/$1.log
    CHANCERY_BUILD=${CHANCERY_BUILD:-build/crash} /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider --color=no "tests/$1" >"$log" 2>&1
    local rc=$? line p f s e
    tail -n "$([ $rc -eq 0 ] && echo 25 || echo 150)" "$log"
    line=$(grep -E '^[0-9]+ (passed|failed|skipped|error)|^=+ .*(passed|failed|error)' "$log" | tail -n 1)
    p=$(grep -oE '[0-9]+ passed' <<<"$line" | grep -oE '[0-9]+')
    f=$(grep -oE '[0-9]+ failed' <<<"$line" | grep -oE '[0-9]+')
    s=$(grep -oE '[0-9]+ skipped' <<<"$line" | grep -oE '[0-9]+')
    e=$(grep -oE '[0-9]+ error' <<<"$line" | grep -oE '[0-9]+')
    f=$((${f:-0} + ${e:-0}))
    [ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    count "${p:-0}" "$f" "${s:-0}"
}

needs_install $TEST_NEEDS || exit 1
needs_pebble

for kind in $kinds; do
    case $kind in
    unit | stories | talks | fuzz)
        [ -n "${built_debug:-}" ] || { build debug || break; built_debug=1; }
        run_ctest "$kind"
        ;;
    shape) run_pytest shape ;;
    e2e | crash)
        [ -n "${built_crash:-}" ] || { build crash || break; built_crash=1; }
        run_pytest "$kind"
        ;;
    *)
        echo "unknown kind \"$kind\"; kinds are: unit stories talks fuzz shape e2e crash" >&2
        exit 2
        ;;
    esac
done

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
