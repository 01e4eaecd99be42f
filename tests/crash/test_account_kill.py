"""Killed before every outward call of what changes an account: it remains usable, always. The next plain `renew` settles what was cut off."""
import os

from world import calls_count
from test_kill_sweep import FIRST, FURTHER, killed_at

STEP = int(os.environ.get("CHANCERY_KILL_STEP", "2"))
ROLL = ("account", "rollover", "ca")


def registered(site):
    assert site.run("account", "register", "ca").returncode == 0


def accounts_of(site, lane):
    """Of this site, at the CA: by the URLs its store ever knew."""
    urls = {row[0] for row in site.sql("SELECT url FROM account WHERE url IS NOT NULL")}
    ids = {int(url.rsplit("/", 1)[1]) for url in urls}
    return [a for a in lane.ca.ledger()["accounts"] if a["id"] in ids]


def is_usable(site, lane, context):
    result = site.run("renew")
    assert result.returncode == 0, f"{context}: the next run: {result.stderr}{result.stdout}"
    rows = site.sql("SELECT status, next_key FROM account")
    assert [status for status, _ in rows] == ["valid"] and rows[0][1] != "pending", f"{context}: {rows}"
    accounts = accounts_of(site, lane)
    assert [a["status"] for a in accounts] == ["valid"], f"{context}: {accounts}"
    told = site.sql("SELECT event, text FROM event WHERE level = 'error'")
    assert told == [], f"{context}: {told}"
    site.check_ledgers(1, context)


def test_rollover_when_killed_before_every_outward_call_then_the_account_is_usable(tmp_path, lanes):
    def trial(lane, k):
        site = lane.site(tmp_path / f"k{k}")
        registered(site)
        before = site.sql("SELECT k.spki FROM account AS a JOIN private_key AS k ON k.id = a.key_id")
        died = killed_at(site, lane, k, ROLL)
        is_usable(site, lane, f"`account rollover` killed before outward call {k} of {n_calls}")
        rolled = before != site.sql("SELECT k.spki FROM account AS a JOIN private_key AS k ON k.id = a.key_id")
        site.remove()
        return died, rolled

    n_calls = lanes.one(lambda lane, _: calls_count(lane, tmp_path / "count", registered, ROLL)[0], None)
    results = lanes.run(trial, range(FIRST, n_calls + FURTHER, STEP))
    kills, rolled = sum(died for died, _ in results), sum(rolled for _, rolled in results)
    print(f"\naccount rollover: {n_calls} outward calls, {kills} kills; {rolled} of {len(results)} accounts have the new key, all can be used")
    assert kills >= min(15, n_calls // STEP - 4), f"{kills} kills over {n_calls} calls"
    assert 0 < rolled < len(results), "some are killed before the CA rolled the key, some after"
