"""Ring 3: killed or frozen at random moments, the whole process group or the process alone; three sets, so that orders overlap.

CHANCERY_RANDOM_KILLS says how many trials (500 for a long run), CHANCERY_SEED repeats a run: each trial's moments follow from seed and number.
"""
import os
import random
import re
import signal
import sqlite3
import subprocess
import time

import pytest
import stores
from servers import wait_until
from world import Reader, group_end, percentile

N = int(os.environ.get("CHANCERY_RANDOM_KILLS", "60"))
N_FROZEN = max(N // 4, 8)
SEED = int(os.environ.get("CHANCERY_SEED", random.SystemRandom().randrange(1 << 32)))
FREEZE_S = float(os.environ.get("CHANCERY_FREEZE_S", "1.0"))
SETS = {"www": ("www.example.com", "*.www.example.com"), "shop": ("shop.example.com",), "mail": ("mail.example.com", "imap.example.com")}


def usual_s(lanes, folder):
    """How long an undisturbed run takes at this moment, with as many beside it as there will be."""
    def trial(lane, i):
        site = lane.site(folder / f"usual{i}", sets=SETS)
        begin = time.monotonic()
        result = site.run("renew")
        assert result.returncode == 0, result.stderr
        took_s = time.monotonic() - begin
        site.remove()
        return took_s
    return percentile(lanes.run(trial, range(len(lanes.lanes))), 50)


def enough(lanes, folder, trial, n, least, factor=1.0):
    """Results of trials at moments within the time of a usual run. Other tests run at the same time: where it was measured too long, because they were
    busier then, few moments lie within a run, and more trials follow within half of it."""
    most_s, results = factor * usual_s(lanes, folder), []
    for first in range(0, 4 * n, n):
        results += lanes.run(lambda lane, number, most_s=most_s: trial(lane, number, most_s), range(first, first + n))
        if sum(1 for result in results if (result[0] if isinstance(result, tuple) else result) > 0) >= least:
            break
        most_s /= 2
    return results


def killed_within(site, seconds, whole_group):
    """True when it was still running."""
    process = site.start("renew")
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        pass
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    return True


def test_renew_when_killed_at_random_moments_then_the_next_run_finishes(tmp_path, lanes):
    def trial(lane, number, most_s):
        chance = random.Random(f"{SEED}/{number}")
        moments = [chance.uniform(0.005, most_s) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
        context = f"CHANCERY_SEED={SEED}, trial {number}, killed after {', '.join(f'{m:.3f}' for m in moments)} s"
        site = lane.site(tmp_path / f"t{number}", sets=SETS)
        readers = [Reader(site.live(name)) for name in SETS]
        try:
            kills = sum(killed_within(site, moment, number % 2 == 0) for moment in moments)
            begin = time.monotonic()
            result = site.run("renew")
            took_s = time.monotonic() - begin
            assert result.returncode == 0, f"{context}: the next run: {result.stderr}{result.stdout}"
            site.check_ledgers(1, context, kills=kills * len(SETS))
            n_orders = len(site.ca.ledger()["orders"])
        finally:
            for reader in readers:
                reader.stop()
        bad = [b for reader in readers for b in reader.bad]
        assert not bad, f"{context}: {bad}"
        site.remove()
        return kills, took_s, n_orders - len(SETS)

    print(f"\nCHANCERY_SEED={SEED}")
    results = enough(lanes, tmp_path, trial, N, N // 2, 1.2)
    times = [took_s for kills, took_s, _ in results if kills > 0]
    print(f"{len(results)} trials, {sum(kills for kills, _, _ in results)} kills: 0 certificates too many, {sum(n for _, _, n in results)} orders "
          f"too many, 0 TXT left; the next run took p50 {percentile(times, 50):.2f} s, p99 {percentile(times, 99):.2f} s")
    assert len(times) >= N // 2


def leads(site):
    """Asked from outside; None when the store cannot be read: frozen in the middle of a lock that excludes readers."""
    try:
        return site.database.ask("SELECT count(*) FROM lease WHERE name = 'leader' AND holder IS NOT NULL", timeout=0.2) == [(1,)]
    except sqlite3.OperationalError:
        return None


def frozen_at_random(site, most_s, chance):
    """A leader that is stopped in the middle of its work; None when it was through before."""
    process = site.start("renew")
    wait_until("it leads", lambda: process.poll() is not None or leads(site))
    time.sleep(chance.uniform(0, 0.8 * most_s))
    if process.poll() is not None:
        return None
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.02)
    if leads(site):
        return process
    process.send_signal(signal.SIGCONT)
    process.wait()
    return None


def test_renew_when_the_leader_is_frozen_then_a_rival_names_it_and_it_goes_on(tmp_path, lanes):
    def trial(lane, number, most_s):
        chance = random.Random(f"{SEED}/frozen/{number}")
        context = f"CHANCERY_SEED={SEED}, frozen trial {number}"
        site = lane.site(tmp_path / f"f{number}", sets=SETS)
        leader = frozen_at_random(site, most_s, chance)
        if leader is None:
            return 0
        try:
            time.sleep(FREEZE_S)
            rival = site.run("renew", "--no-wait")
            if rival.returncode == 0 and rival.stdout == "nothing to do\n":
                # Frozen after its last commit: a rival that finds no work takes no lead (decision 0004), so there is nothing to name.
                settled = site.sql("SELECT count(*) FROM orders WHERE ended_at_ms IS NULL")
                assert settled == [(0,)], f"{context}: nothing to do beside open orders: {settled}"
                return 0
            # A frozen leader may hold the store's write lock as well; then that is what the rival says.
            assert rival.returncode in (3, 5), f"{context}: {rival}"
            if rival.returncode == 3:
                assert re.search(rf"\b{leader.pid}\b", rival.stderr) and "renew" in rival.stderr, f"{context}: {rival.stderr}"
            else:
                assert re.search(stores.IS_LOCKED, rival.stderr), f"{context}: {rival.stderr}"
            assert site.run("status").returncode in (0, 1), f"{context}: looking must work beside a frozen leader"
            leader.send_signal(signal.SIGCONT)
            log = f"{context}: {(site.folder / 'run.log').read_text()}"
            # On a busy machine this took longer than a server bears with one that stands still in the middle of a change.
            assert leader.wait(60) == 0 or (stores.ON_SERVER and leader.returncode == 5), log
        finally:
            group_end(leader)
        assert site.run("renew").returncode == 0
        site.check_ledgers(1, context, kills=len(SETS) if leader.returncode else 0)
        site.remove()
        return 1

    results = enough(lanes, tmp_path, trial, N_FROZEN, N_FROZEN // 3)
    n = sum(results)
    print(f"\nCHANCERY_SEED={SEED}: {n} of {len(results)} were frozen while they led")
    assert n >= N_FROZEN // 3


def lock_remove(site):
    (site.folder / "chancery.db.leader.lock").unlink(missing_ok=stores.ON_SERVER)


def run_on_another_host(site, *words):
    """Another host name, and no kernel lock to be seen: the lock's file is replaced."""
    lock_remove(site)
    argv = site.argv(*words)
    return subprocess.run(["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh", *argv], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=180)


def deposed(lane, number, folder, most_s, depose):
    chance = random.Random(f"{SEED}/deposed/{number}")
    context = f"CHANCERY_SEED={SEED}, deposed trial {number}"
    site = lane.site(folder, sets=SETS)
    leader = frozen_at_random(site, most_s, chance)
    if leader is None:
        return 0
    try:
        rival = depose(site)
        if rival.returncode == 5 and re.search(stores.IS_LOCKED, rival.stderr):
            return 0  # it holds the write lock: nobody can depose it
        assert rival.returncode == 0, f"{context}: {rival}"
        leader.send_signal(signal.SIGCONT)
        leader.wait(60)
        log = (site.folder / "run.log").read_text()
        if leader.returncode == 0:
            # Deposed, it asks whoever leads now, or leads anew.
            assert "nothing to do" in rival.stdout or 'the lease "leader" is held' in log, f"{context}: it had not been through: {rival}, {log}"
        else:
            ended_by_server = stores.ON_SERVER and leader.returncode == 5  # it stood still in the middle of a change
            assert ended_by_server or (leader.returncode == 3 and "lease" in log), f"{context}: exit {leader.returncode}: {log}"
    finally:
        group_end(leader)
    assert site.run("renew").returncode == 0
    site.check_ledgers(1, context, kills=len(SETS), dns=False)
    site.remove()
    return 1


def test_renew_when_a_frozen_leader_was_deposed_then_it_writes_nothing_more(tmp_path, lanes):
    """The rival takes the lead at once, though the lease is not over: the kernel lock's file is removed; on a server the row is told that its time
    is over. When the old leader wakes up, its fencing number is too low. What it had committed before it was frozen it may still send: TXT
    records, not certificates."""
    def depose(site):
        lock_remove(site)
        if stores.ON_SERVER:
            site.database.change("UPDATE lease SET expires_at_ms = 1, expires_boot_ms = 1 WHERE name = 'leader'")
        for _ in range(3 if stores.ON_SERVER else 1):  # frozen in the middle of a change: the server ends that after ten seconds
            rival = site.run("renew")
            if rival.returncode != 5:
                break
        return rival

    def trial(lane, number, most_s):
        lane.spoiled = True
        return deposed(lane, number, tmp_path / f"d{number}", most_s, depose)

    results = enough(lanes, tmp_path, trial, N_FROZEN, N_FROZEN // 4)
    n = sum(results)
    print(f"\nCHANCERY_SEED={SEED}: {n} of {len(results)} were deposed")
    assert n >= N_FROZEN // 4


@pytest.mark.skipif("CHANCERY_LONG" not in os.environ, reason="takes minutes: set CHANCERY_LONG")
def test_renew_when_frozen_for_longer_than_the_lease_then_a_rival_elsewhere_takes_over(tmp_path, lanes):
    """As with several hosts: the rival waits for the end of the lease. What is promised is the same: certificates, not TXT records."""
    def trial(lane, number):
        lane.spoiled = True
        return deposed(lane, number, tmp_path / f"l{number}", most_s, lambda site: run_on_another_host(site, "renew", "--wait", "100s"))

    most_s = usual_s(lanes, tmp_path)
    n = sum(lanes.run(trial, range(N_FROZEN)))
    print(f"\nCHANCERY_SEED={SEED}: {n} of {N_FROZEN} were deposed after their lease")
    assert n >= N_FROZEN // 4
