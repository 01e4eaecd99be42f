"""Fault 9: the CA did what it was asked, and its answer was lost. Read again, never order anew: no certificate too many."""
import pytest
from world import Lane

DROPS = ["drop-reply", "drop-stream", "truncate"]
KINDS = ["newAccount", "newOrder", "authz", "challenge", "order", "finalize", "certificate"]


def lose(lane, folder, kind, act, times=1):
    site = lane.site(folder)
    lane.ca.set(faults=[{"on": kind, "act": act, "times": times}])
    context = f"{act} of {kind} x{times}"
    n_faults = lane.ca.ledger()["counts"]["faults"]
    result = site.run("renew")
    lane.ca.set(faults=[])
    assert lane.ca.ledger()["counts"]["faults"] == n_faults + times, f"{context}: nothing was lost"
    if result.returncode != 0:
        result = site.run("renew")
    assert result.returncode == 0, f"{context}: {result.stderr}"
    site.check_ledgers(1, context, kills=1)
    ledger = site.ca.ledger()
    site.remove()
    return ledger


@pytest.mark.parametrize("act", DROPS)
def test_reply_when_lost_once_then_no_certificate_too_many(tmp_path, lanes, act):
    def trial(lane, kind):
        ledger = lose(lane, tmp_path / kind, kind, act)
        n_surplus = len(ledger["orders"]) - 1
        assert n_surplus == 0 or kind == "newOrder", f"{act} of {kind}: {n_surplus} orders too many"
        return n_surplus

    print(f"\n{act}: orders too many: {dict(zip(sorted(KINDS), lanes.run(trial, KINDS)))}")


def test_reply_when_each_kind_is_lost_once_in_one_run_then_one_certificate(tmp_path, lane):
    site = lane.site(tmp_path / "site")
    lane.ca.set(faults=[{"on": kind, "act": "drop-reply", "times": 1} for kind in KINDS])
    result = site.run("renew")
    assert result.returncode == 0, result.stderr
    site.check_ledgers(1, "each reply lost once", kills=1)


def test_reply_when_a_tenth_is_lost_then_one_certificate_each(tmp_path, lane):
    sets = {f"s{i}": (f"s{i}.example.com",) for i in range(8)}
    site = lane.site(tmp_path / "site", sets=sets)
    lane.ca.set(faults=[{"on": "any", "act": "drop-reply", "times": 0, "percent": 10}])
    try:
        for _ in range(5):
            result = site.run("renew")
            if result.returncode == 0:
                break
    finally:
        lane.ca.set(faults=[])
    assert result.returncode == 0, result.stderr
    n_lost = site.ca.ledger()["requests"]["newOrder"] - len(sets)
    site.check_ledgers(1, "a tenth of all replies lost", kills=max(n_lost, 0))


def test_account_when_its_reply_is_lost_then_the_same_is_found(tmp_path):
    """A CA of its own: its accounts are counted."""
    lane = Lane(tmp_path / "lane")
    try:
        site = lane.site(tmp_path / "site")
        lane.ca.set(faults=[{"on": "newAccount", "act": "drop-reply", "times": 2}])
        assert site.run("renew").returncode == 0
        assert len(lane.ca.ledger()["accounts"]) == 1
        site.check_ledgers(1, "newAccount lost twice")
    finally:
        lane.stop()
