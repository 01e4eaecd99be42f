#!/usr/bin/python3
"""Shows defects again: takes each fix out of a copy of the tree, builds it, and runs the test that must fail then.

    tests/crash/track_record.py            all of them, some minutes
    tests/crash/track_record.py sigpipe    these only

docs/TRACK_RECORD.md tells their stories. A change of the crash tests counts as an improvement only when all of this is still shown. Where a
fix was moved, this says so: bring the text here up to date.
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build/track"

SWEEP, CUT, SIGNALS, RANDOM = (f"tests/crash/test_{name}.py" for name in ("kill_sweep", "power_cut", "signals", "random_kill"))

# name: (file, what stands there now, what stood there or would stand there without the fix or guard, test file, tests)
CASES = {
    # defects that were there
    "txt-left": ("orchestrator/dns/txt_desk.c", "w->may_stand = state != WISH_PLANNED;", "w->may_stand = false;",
                 SWEEP, "renew and before_every"),
    "revoked-twice": ("orchestrator/inventory/held_revocation.c", "if (c->revoked_at_ms != 0)\n        return true;", "", SWEEP, "revoke"),
    "locked-store": ("cmd/house_open.c", "in->house.store != NULL && in->house.loop != NULL", "false", SIGNALS, "store_is_locked"),
    "sigpipe": ("cmd/main.c", "    signal(SIGPIPE, SIG_IGN);\n", "", SIGNALS, "nobody_reads"),
    # guards, taken out to see that the tests bite
    "guard-synchronous": ("lib/store/open.c", "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;", CUT, "renew"),
    "guard-fsync": ("lib/io/files_at.c", "|| fsync(fd) != 0)", "|| fd < 0)", CUT, "renewal"),
    "guard-fencing": ("orchestrator/authority/lease.c", "    return guard_row(house, lease->name, lease->fencing, err);",
                      "    return lease->fencing > 0 || guard_row(house, lease->name, lease->fencing, err);", RANDOM, "deposed"),
}


def run(*argv, **how):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, errors="replace", **how)


def copy_tree():
    """What git knows, as it stands in the work tree; files that did not change keep their time, so that little is built anew."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT, check=True).stdout.split("\0")
    for name in filter(None, names):
        source, target = ROOT / name, COPY / name
        if not source.is_file() or (target.exists() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        os.utime(target)


def build():
    if not (COPY / "build/crash/build.ninja").exists():
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        run("cmake", "--preset", "crash", *launcher, cwd=COPY, check=True)
    made = run("ninja", "-C", "build/crash", "chancery", "fake-ca", cwd=COPY)
    if made.returncode != 0:
        sys.exit(made.stdout[-3000:])


def test(file, tests):
    env = dict(os.environ, CHANCERY_BUILD=str(COPY / "build/crash"))
    return run("/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--color=no", file, "-k", tests, cwd=COPY, env=env)


def shown(name):
    file, now, without, test_file, tests = CASES[name]
    path = COPY / file
    text = path.read_text()
    if text.count(now) != 1:
        return f"CANNOT BE SHOWN: {file} holds \"{now.strip()}\" {text.count(now)} times"
    path.write_text(text.replace(now, without))
    try:
        build()
        result = test(test_file, tests)
    finally:
        path.write_text(text)
    if result.returncode == 1:
        return "shown"
    return f"NOT SHOWN by {test_file} -k '{tests}': {result.stdout[-600:]}"


def main(names):
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(CASES)}")
    copy_tree()
    results = {}
    for name in names or CASES:
        results[name] = shown(name)
        print(f"{name}: {results[name]}", flush=True)
    n = sum(result == "shown" for result in results.values())
    print(f"{n} of {len(results)} shown again")
    return 0 if n == len(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
