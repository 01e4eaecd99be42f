#!/usr/bin/env bash
# The test command: installs what the tests need, builds, runs, and ends with one line "N passed, N failed, N skipped".
#
#   tests/run.sh                 everything that belongs to every change
#   tests/run.sh unit stories    only these kinds
#
# Kinds: unit stories talks fuzz shape model e2e crash e2e-postgresql crash-postgresql. The last two are e2e and crash once more, with every store on a
# PostgreSQL server that the tests start; what is about SQLite itself is left out there and listed, and the other way round.
# e2e and crash mostly wait, so several of their files run side by side: CHANCERY_TEST_WORKERS says how many (1: one after the other).
# Nothing outside the build folder is changed, apart from Debian packages.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/needs.sh

all_kinds="unit stories talks fuzz shape model e2e crash e2e-postgresql crash-postgresql"
kinds=${*:-$all_kinds}
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

run_pytest() { # kind, store; option ...
    say "$1"
    local log=$logs/$1.log folder=tests/${1%-postgresql} store=$2
    shift 2
    CHANCERY_BUILD=${CHANCERY_BUILD:-build/crash} CHANCERY_TEST_STORE=$store \
        /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider --color=no "$@" "$folder" >"$log" 2>&1
    local rc=$? line p f s e o
    tail -n "$([ $rc -eq 0 ] && echo 25 || echo 150)" "$log"
    line=$(grep -E '^[0-9]+ (passed|failed|skipped|error)|^=+ .*(passed|failed|error)' "$log" | tail -n 1)
    p=$(grep -oE '[0-9]+ passed' <<<"$line" | grep -oE '[0-9]+')
    f=$(grep -oE '[0-9]+ failed' <<<"$line" | grep -oE '[0-9]+')
    s=$(grep -oE '[0-9]+ skipped' <<<"$line" | grep -oE '[0-9]+')
    e=$(grep -oE '[0-9]+ error' <<<"$line" | grep -oE '[0-9]+')
    f=$((${f:-0} + ${e:-0}))
    [ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    # What is about the other store is no test that was skipped: it runs in its own kind.
    o=$(sed -n 's/^SKIPPED \[\([0-9]*\)\] .*: about [A-Za-z]* itself: .*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    [ "$o" -gt 0 ] && echo "$o of them are about the other store"
    s=$((${s:-0} - o))
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
    shape | model) run_pytest "$kind" sqlite ;;
    e2e | crash | e2e-postgresql | crash-postgresql)
        [ -n "${built_crash:-}" ] || { build crash || break; built_crash=1; }
        store=sqlite
        [ "${kind%-postgresql}" = "$kind" ] || store=postgresql
        # Trials of the crash tests run side by side by themselves.
        case $kind in
        e2e*) run_pytest "$kind" $store -n "${CHANCERY_TEST_WORKERS:-$((jobs + 2))}" --dist loadfile ;;
        crash) run_pytest "$kind" $store -n "${CHANCERY_TEST_WORKERS:-$((jobs + 1))}" --dist loadgroup ;;
        *) # Every test, but fewer of its points: the steps of the work are the same, and CHANCERY_KILL_STEP=1 takes all of them.
            CHANCERY_KILL_STEP=${CHANCERY_KILL_STEP:-8} CHANCERY_RANDOM_KILLS=${CHANCERY_RANDOM_KILLS:-24} CHANCERY_LANES=${CHANCERY_LANES:-3} \
                run_pytest "$kind" $store -n "${CHANCERY_TEST_WORKERS:-$((jobs + 1))}" --dist loadgroup ;;
        esac
        ;;
    *)
        echo "unknown kind \"$kind\"; kinds are: $all_kinds" >&2
        exit 2
        ;;
    esac
done

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
