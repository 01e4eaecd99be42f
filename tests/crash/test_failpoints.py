"""Ring 1: at every named place the program is killed, leaves, or is told that the act failed; the next plain `renew` puts it right.

The names are learnt from a run of each case (CHANCERY_FAILPOINT=list:FILE), so a new failpoint is tried without a word here.
"""
import collections
import os
import signal

import pytest
from world import Reader

EXIT_BY_FAILPOINT = 71
# As in test_kill_sweep.py: of every n-th point there each half as often.
THIN = max(1, int(os.environ.get("CHANCERY_KILL_STEP", "2")) // 2)
ACTS = ("kill", "error", "exit")
REVOKE = ("revoke", "www", "--version", "1", "--reason", "superseded", "--yes")


def renewed(site):
    assert site.run("renew").returncode == 0


def renewed_twice(site):
    renewed(site)
    assert site.run("renew", "--force", "www").returncode == 0


def activation(site, works):
    script = site.folder / "activate.sh"
    script.write_text("#!/bin/sh\n" + ("exit 0\n" if works else "echo it does not start >&2\nexit 1\n"))
    script.chmod(0o755)


def activation_fails_at_first(site):
    activation(site, works=False)


def activation_fails_later(site):
    renewed(site)
    activation(site, works=False)


# name: (what comes before, the command, its exit code undisturbed, how many certificates may have been decided on in the end, which
# failpoints). By hand, one more is decided on only if the decision was written before the end came. Places of issuing that the first case
# went through are not gone through again.
FILES = ("deploy.", "files.")
CASES = {
    "renew": (lambda site: None, ("renew",), 0, {1}, ""),
    "deploy": (renewed, ("deploy", "--force", "www"), 0, {1}, ""),
    "revoke": (renewed, REVOKE, 0, {2}, ("revoke.", "deploy.")),
    "rollover": (renewed, ("account", "rollover", "ca"), 0, {1}, "account."),
    "third version": (renewed_twice, ("renew", "--force", "www"), 0, {2, 3}, FILES),
    "first activation fails": (activation_fails_at_first, ("renew",), 1, {1}, FILES),
    "later activation fails": (activation_fails_later, ("renew", "--force", "www"), 1, {1, 2}, FILES),
}


def make_site(lane, folder, prepare):
    script = folder / "activate.sh"
    site = lane.site(folder, deploy=f"files: {{dir: live/www, keep: 2}}\n    check: [/bin/true]\n    activate: ['{script}']")
    activation(site, works=True)
    prepare(site)
    return site


def names_learn(lane, folder, prepare, command, code):
    site = make_site(lane, folder, prepare)
    result = site.run(*command, env={"CHANCERY_FAILPOINT": f"list:{folder / 'names'}"})
    assert result.returncode == code, result.stderr
    names = collections.Counter((folder / "names").read_text().split())
    site.remove()
    return names


def points_of(names, only):
    """The first passing of each name, and one in the middle of those passed often; "exit" differs little from "kill"."""
    for name, n in names.items():
        if name.startswith(only):
            yield from ((name, 1, act) for act in ACTS)
            if n > 3:
                yield from ((name, n // 2 + 1, act) for act in ACTS[:2])


def finish(site, may_wait, context):
    """A kill is mended by the next run. What failed by itself waits for its next try, unless a person asks for it."""
    again = site.run("renew")
    if may_wait and again.returncode == 1:
        assert "next try at" in again.stderr or "without the newest certificate" in again.stdout, f"{context}: {again}"
        again = site.run("deploy", "www")
    if may_wait and "cannot be switched back" in again.stderr:
        again = site.run("deploy", "www")  # that one finished the way back; this one tries anew
    assert again.returncode == 0, f"{context}: the next run: {again.stderr}{again.stdout}"


@pytest.mark.parametrize("case", CASES)
def test_failpoint_when_passed_then_the_next_run_finishes(tmp_path, lanes, case):
    prepare, command, code, decisions, only = CASES[case]
    names = lanes.one(lambda lane, _: names_learn(lane, tmp_path / "names", prepare, command, code))
    codes = {"kill": {-signal.SIGKILL}, "exit": {EXIT_BY_FAILPOINT}, "error": {code, 1, 5}}

    def trial(lane, point):
        name, nth, act = point
        site = make_site(lane, tmp_path / f"{name}@{nth}-{act}", prepare)
        context = f"{case}: CHANCERY_FAILPOINT={name}={act}@{nth} chancery {' '.join(command)}"
        reader = Reader(site.live())
        try:
            result = site.run(*command, env={"CHANCERY_FAILPOINT": f"{name}={act}@{nth}"})
            assert result.returncode in codes[act], f"{context}: exit {result.returncode}: {result.stderr}"
            activation(site, works=True)
            if command == REVOKE:
                assert site.run(*REVOKE).returncode == 0, context
            finish(site, act == "error" or code != 0, context)
            n, = site.sql("SELECT count(*) FROM orders")[0]
            assert n in decisions, f"{context}: {n} decisions"
            site.check_ledgers(n, context, kills=1)
        finally:
            reader.stop()
        assert not reader.bad, f"{context}: {reader.bad}"
        site.remove()

    points = list(points_of(names, only))[::THIN]
    lanes.run(trial, points)
    print(f"\n{case}: {len(names)} failpoints, {len(points)} trials")
    assert len(names) >= 7
