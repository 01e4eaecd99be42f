"""S3 with whole programs: eight `chancery` processes - six that renew again and again, two that serve - on one store with twenty sets, killed, frozen and
started anew all the time. Round by round every set gets a further name, so each set needs exactly one certificate more: certificates issued = decided.

CHANCERY_EIGHT_SECONDS=300 is the long form, in which leaders are also frozen for longer than their lease; CHANCERY_SEED repeats the nemesis.
"""
import os
import random
import signal
import subprocess
import time

import stores
from test_contention import LeaseWatch, leader_pid
from world import PROGRAM, group_end

SECONDS = float(os.environ.get("CHANCERY_EIGHT_SECONDS", "25"))
IS_LONG = SECONDS >= 120
SEED = int(os.environ.get("CHANCERY_SEED", random.SystemRandom().randrange(1 << 32)))
N_RENEW, N_SERVE, N_SETS = 6, 2, 20
LEASE_S = 30
SETS = {f"s{i:02}": (f"s{i:02}.example.com",) for i in range(N_SETS)}


class Slot:
    """A place for one process; whoever ends there is followed by the next."""

    def __init__(self, site, folder, number):
        self.site, self.log, self.number = site, folder / f"slot{number}.log", number
        self.process, self.thaw_at, self.codes = None, None, []
        self.start()

    def argv(self):
        return ("serve",) if self.number < N_SERVE else ("renew", "--wait", "60s")

    def start(self):
        self.process = self.site.start(*self.argv(), log=self.log)

    def look(self, now, goes_on=True):
        if self.thaw_at is not None and self.thaw_at <= now:
            self.process.send_signal(signal.SIGCONT)
            self.thaw_at = None
        if self.process.poll() is not None and goes_on:
            self.codes.append(self.process.returncode)
            self.start()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.thaw_at = None

    def freeze(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        self.thaw_at = time.monotonic() + seconds


class Rounds:
    """Every set gets a further name when all have the certificate of the round before."""

    def __init__(self, site):
        self.site, self.n = site, 1

    def is_over(self):
        rows = self.site.sql("SELECT count(*) FROM certificate WHERE current = 1 AND version = ?", self.n)
        open_rows = self.site.sql("SELECT (SELECT count(*) FROM orders WHERE ended_at_ms IS NULL), (SELECT count(*) FROM txt WHERE state <> 'gone')")
        return rows == [(N_SETS,)] and open_rows == [(0, 0)]

    def next(self):
        self.n += 1
        for name, names in SETS.items():
            path = self.site.folder / "sets.d" / f"{name}.yaml"
            listed = ", ".join(f"'{n}'" for n in (*names, f"r{self.n}.{names[0]}"))
            lines = path.read_text().splitlines()
            lines[0] = f"names: [{listed}]"
            aside = path.with_suffix(".new")
            aside.write_text("\n".join(lines) + "\n")
            aside.rename(path)


class Trouble:
    def __init__(self, site, slots, chance):
        self.site, self.slots, self.chance, self.n_kills, self.n_freezes, self.n_long = site, slots, chance, 0, 0, 0

    def victim(self):
        """Mostly who leads."""
        pid = leader_pid(self.site)
        leads = [slot for slot in self.slots if slot.process.pid == pid]
        return leads[0] if leads and self.chance.random() < 0.7 else self.chance.choice(self.slots)

    def once(self):
        slot = self.victim()
        if slot.thaw_at is not None or slot.process.poll() is not None:
            return
        if self.chance.random() < 0.6:
            slot.kill()
            self.n_kills += 1
            return
        # On one host the kernel's lock keeps a frozen leader in its place; beside a server the next one may follow.
        is_long = IS_LONG and self.chance.random() < (0.15 if stores.ON_SERVER else 0.05)
        slot.freeze(self.chance.uniform(1.05, 1.5) * LEASE_S if is_long else self.chance.uniform(0.5, 3))
        self.n_freezes += 1
        self.n_long += is_long


def overlaps(ledger):
    """Orders that became certificates, of one set, both in flight at one moment."""
    findings, of_set = [], {}
    for order in ledger["orders"]:
        if "finalized_at_ms" in order:
            of_set.setdefault(min(order["names"], key=len), []).append(order)
    for name, orders in of_set.items():
        orders.sort(key=lambda order: order["made_at_ms"])
        for one, other in zip(orders, orders[1:]):
            if other["made_at_ms"] < one["finalized_at_ms"]:
                findings.append(f"{name}: order {one['id']} and order {other['id']}")
    return findings


def play(site, slots, trouble, rounds):
    """Until the time is over, and then until the last round is."""
    end, next_trouble = time.monotonic() + SECONDS, time.monotonic() + 1
    while time.monotonic() < end:
        now = time.monotonic()
        for slot in slots:
            slot.look(now)
        if now >= next_trouble:
            trouble.once()
            next_trouble = now + trouble.chance.uniform(0.2, 1.2)
        if rounds.is_over() and now < end - 5:
            rounds.next()
        time.sleep(0.1)
    give_up = time.monotonic() + 180
    while not rounds.is_over():
        assert time.monotonic() < give_up, "the last round does not end"
        for slot in slots:
            slot.look(float("inf"))
        time.sleep(0.2)


def slots_end(slots):
    for slot in slots:
        slot.look(float("inf"), goes_on=False)
        if slot.process.poll() is None:
            slot.process.terminate()
    for slot in slots:
        try:
            slot.process.wait(20)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"slot {slot.number} does not end: {slot.log.read_text()[-2000:]}") from None


def test_eight_when_killed_and_frozen_all_the_time_then_as_many_certificates_as_were_decided(tmp_path, lane):
    assert PROGRAM.exists()
    context = f"CHANCERY_SEED={SEED}, {stores.KIND}"
    site = lane.site(tmp_path / "site", sets=SETS)
    lane.ca.set(validate_ms=60, issue_ms=60)
    watch, rounds = LeaseWatch(site), Rounds(site)
    slots = [Slot(site, tmp_path, i) for i in range(N_SERVE + N_RENEW)]
    trouble = Trouble(site, slots, random.Random(SEED))
    try:
        play(site, slots, trouble, rounds)
        slots_end(slots)
    except AssertionError as finding:
        logs = "\n".join(f"{slot.number}: {slot.log.read_text()[-1500:]}" for slot in slots)
        raise AssertionError(f"{context}: {finding}\n{logs}") from None
    finally:
        for slot in slots:
            group_end(slot.process)
        watch.stop()
        lane.ca.set(validate_ms=5, issue_ms=5)
    result = site.run("renew")
    assert result.returncode == 0, f"{context}: {result.stderr}"
    ledger = site.ca.ledger()
    n_decided, n_orders = rounds.n * N_SETS, len(ledger["orders"])
    wasted = n_orders - len(ledger["certificates"])
    print(f"\n{context}: {SECONDS:.0f} s, {rounds.n} rounds, {n_decided} certificates decided, {len(ledger['certificates'])} issued, {n_orders} orders, "
          f"{trouble.n_kills} kills, {trouble.n_freezes} freezes, {trouble.n_long} of them longer than a lease, {len(watch.leaders)} leaders seen, "
          f"{watch.n} looks at the leases")
    assert not watch.findings, f"{context}: {watch.findings[:5]}"
    assert not overlaps(ledger), f"{context}: {overlaps(ledger)[:5]}"
    # 5, the store cannot be had: who is frozen inside a transaction keeps the others from writing for as long as that lasts.
    # 1: something was left to a later run, by whoever led and was killed, frozen or asked to end.
    known = (0, 1, 3, -signal.SIGKILL, *([5] if trouble.n_long > 0 else []))
    strange = [code for slot in slots for code in slot.codes if code not in known]
    assert not strange, f"{context}: {strange}"
    # A frozen or killed leader may waste orders, those whose answers were on their way.
    assert wasted <= 2 * (trouble.n_kills + trouble.n_freezes), f"{context}: {wasted} orders wasted"
    site.check_ledgers(rounds.n, context, kills=wasted)
