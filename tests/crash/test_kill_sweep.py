"""Ring 2: killed before every outward call; after each, one plain `renew` must finish the work, and four ledgers must agree.

A kill right after call k is, for the world outside, a kill before call k + 1: so the points before each call are all there are.
CHANCERY_KILL_STEP takes every n-th point only; CHANCERY_KILL_FIRST says with which it begins.
"""
import itertools
import os
import signal
import time

from world import Reader, calls_count, percentile

STEP = int(os.environ.get("CHANCERY_KILL_STEP", "2"))
FIRST = int(os.environ.get("CHANCERY_KILL_FIRST", "1"))
REVOKE = ("revoke", "www", "--version", "1", "--reason", "superseded", "--yes")
FURTHER = 12  # points beyond the last call of the run that was counted: no two runs make the same number of calls


def killed_at(site, lane, k, command):
    return site.run(*command, env={"LD_PRELOAD": str(lane.shim), "KILL_AT": str(k)}).returncode == -signal.SIGKILL


def sweep(lanes, folder, prepare, command, again, decisions):
    def trial(lane, k):
        site = lane.site(folder / f"k{k}")
        prepare(site)
        reader = Reader(site.live())
        try:
            died = killed_at(site, lane, k, command)
            begin = time.monotonic()
            result = site.run(*again)
            took_s = time.monotonic() - begin
            context = f"`{' '.join(command)}` killed before outward call {k} of {n_calls}"
            assert result.returncode == 0, f"{context}: the next run: {result.stderr}"
            assert site.run("renew").returncode == 0
            site.check_ledgers(decisions, context, kills=1 if died else 0)
        finally:
            reader.stop()
        assert not reader.bad, f"{context}: {reader.bad}"
        site.remove()
        return died, took_s, reader.n

    n_calls = lanes.one(lambda lane, _: calls_count(lane, folder / "count", prepare, command)[0])
    points = range(FIRST, n_calls + FURTHER, STEP)
    results = lanes.run(trial, points)
    kills = sum(died for died, _, _ in results)
    times = [took_s for died, took_s, _ in results if died]
    print(f"\n{' '.join(command)}: {n_calls} outward calls, {kills} kills, {sum(n for _, _, n in results)} reads: 0 surplus, 0 TXT left, "
          f"0 keys lost, 0 bad pairs; the next run took p50 {percentile(times, 50):.2f} s, max {max(times):.2f} s")
    return n_calls, kills


def renewed(site):
    assert site.run("renew").returncode == 0


def test_renew_when_killed_before_every_outward_call_then_the_next_run_finishes(tmp_path, lanes):
    n_calls, kills = sweep(lanes, tmp_path, lambda site: None, ["renew"], ["renew"], decisions=1)
    assert n_calls >= 250 and kills >= min(150, n_calls // STEP - 20), f"{kills} kills over {n_calls} calls"


def test_deploy_when_killed_before_every_outward_call_then_the_next_run_finishes(tmp_path, lanes):
    n_calls, kills = sweep(lanes, tmp_path, renewed, ["deploy", "--force", "www"], ["renew"], decisions=1)
    assert kills >= min(30, n_calls // STEP - 5), f"{kills} kills over {n_calls} calls"


def test_revoke_when_killed_before_every_outward_call_then_one_renew_finishes(tmp_path, lanes):
    """Once the wish is a row, one plain `renew` replaces, delivers and revokes; before that nothing has happened."""
    def trial(lane, k):
        site = lane.site(tmp_path / f"r{k}")
        renewed(site)
        reader = Reader(site.live())
        try:
            died = killed_at(site, lane, k, REVOKE)
            context = f"revoke killed before outward call {k}"
            (asked, serial), = site.sql("SELECT revoke_asked_at_ms IS NOT NULL, serial FROM certificate WHERE version = 1")
            again = site.run("renew")
            assert again.returncode == 0, f"{context}: {again.stderr}"
            revoked = [c["serial"].lstrip("0") for c in site.ca.ledger()["certificates"] if c["revoked"]]
            assert revoked == ([serial.lower().lstrip("0")] if asked else []), context
            told = site.sql("SELECT count(*) FROM event WHERE event = 'certificate.revoked'")
            assert told == [(asked,)], f"{context}: told {told} times"
            site.check_ledgers(2 if asked else 1, context, kills=1 if died else 0)
        finally:
            reader.stop()
        assert not reader.bad, f"{context}: {reader.bad}"
        site.remove()
        return died

    n_calls = lanes.one(lambda lane, _: calls_count(lane, tmp_path / "count", renewed, REVOKE)[0], None)
    points = range(FIRST, n_calls + FURTHER, STEP * 5)
    kills = sum(lanes.run(trial, points))
    print(f"\nrevoke: {n_calls} outward calls, {kills} kills")
    assert kills >= min(20, n_calls // (STEP * 5) - 4), f"{kills} kills over {n_calls} calls"


def test_renew_when_killed_again_in_the_recovery_then_the_third_run_finishes(tmp_path, lanes):
    """Ring 5: two kills, at places that are far apart, near each other and the same."""
    def trial(lane, pair):
        first, second = pair
        site = lane.site(tmp_path / f"c{first}-{second}")
        died = killed_at(site, lane, first, ["renew"])
        died_again = killed_at(site, lane, second, ["renew"])
        context = f"`renew` killed before outward call {first}, the next one before {second}"
        result = site.run("renew")
        assert result.returncode == 0, f"{context}: the third run: {result.stderr}"
        site.check_ledgers(1, context, kills=died + died_again)
        site.remove()
        return died + died_again

    n_calls = lanes.one(lambda lane, _: calls_count(lane, tmp_path / "count", lambda site: None, ["renew"])[0], None)
    pairs = list(itertools.product(range(FIRST + 20, n_calls, 47), range(5, n_calls, max(29, 7 * STEP))))
    kills = sum(lanes.run(trial, pairs))
    print(f"\nrenew killed twice: {len(pairs)} pairs, {kills} kills")
    assert kills >= len(pairs), f"{kills} kills in {len(pairs)} pairs"
