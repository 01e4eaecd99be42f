"""Killed every 300 ms while what it wants never succeeds: the CA sees no more orders than of a program that is never killed (S9).

CHANCERY_KILL_LOOP_S: how long each loop lasts (300 for the promise as it is written).
"""
import os
import signal
import subprocess
import time

LOOP_S = float(os.environ.get("CHANCERY_KILL_LOOP_S", "6"))
EVERY_S = 0.3


def kill_loop(site):
    """How many runs were killed."""
    end, n_killed = time.monotonic() + LOOP_S, 0
    while time.monotonic() < end:
        process = site.start("renew")
        try:
            process.wait(EVERY_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            n_killed += 1
    return n_killed


def test_a_set_that_always_fails_when_killed_in_a_loop_then_four_orders_at_most(tmp_path, lane):
    site = lane.site(tmp_path / "site", sets={"www": ("www.example.com",)})
    lane.ca.set(faults=[{"on": "challenge", "act": "invalid-authz", "times": 0}], latency_ms=80)
    try:
        assert kill_loop(site) >= 2
        lane.ca.set(latency_ms=0)
        site.run("renew")  # undisturbed: whatever was begun comes to its end
        ledger = site.ca.ledger()
        assert 1 <= len(ledger["orders"]) <= 4, ledger["orders"]
        assert ledger["requests"]["newOrder"] <= 4
        assert not ledger["certificates"]
    finally:
        lane.ca.set(faults=[], latency_ms=0)
        site.remove()


def test_sets_that_share_a_limit_when_killed_in_a_loop_then_the_ca_never_has_to_refuse(tmp_path, lane):
    """The CA counts for itself; each newOrder that a killed run may have sent counts, too."""
    sets = {f"s{i}": (f"s{i}.example.com",) for i in range(8)}
    before = lane.ca.ledger()["counts"]
    lane.ca.set(limit_orders=4, limit_orders_s=86400, latency_ms=80)
    site = lane.site(tmp_path / "site", sets=sets, authority=", parallel: 2, limits: {orders: 4/1d, kept: 0}")
    try:
        assert kill_loop(site) >= 2
        lane.ca.set(latency_ms=0)
        result = site.run("renew")
        assert result.returncode in (1, 4, 6), result.stderr
        counts, ledger = lane.ca.ledger()["counts"], site.ca.ledger()
        assert counts["limited"] == before["limited"] and counts["overrun"] == before["overrun"], counts
        assert 2 <= len(ledger["orders"]) <= 4
        spent = site.sql("SELECT count(*) FROM ledger_bucket WHERE kind = 'orders'")[0][0]
        assert spent == 1
    finally:
        lane.ca.set(limit_orders=0, latency_ms=0)
        site.remove()
