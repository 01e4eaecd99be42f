"""S11, S3: random histories of eight processes on the lock, with freezes longer than a lease, kills and restarts: linearizable, numbers only grow, no
two holders at once. tests/history/README.md tells the rest.

CHANCERY_HISTORY_SECONDS=300 is the long form, CHANCERY_SEED repeats a run.
"""
import os
import random
import sys
import time
from pathlib import Path

import pytest
import stores
from world import BUILD

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "history"))
import checker  # noqa: E402
from nemesis import Nemesis  # noqa: E402

SECONDS = float(os.environ.get("CHANCERY_HISTORY_SECONDS", "15"))
LONG_S = 60
SEED = int(os.environ.get("CHANCERY_SEED", random.SystemRandom().randrange(1 << 32)))
WORKER = BUILD / "tests/history/history-worker"


class Base:
    """A store for one history, without a site around it."""

    def __init__(self, folder: Path):
        self.database = stores.make(folder)
        self.address = self.database.setting if stores.ON_SERVER else str(folder / "chancery.db")

    def writes(self):
        rows = self.database.ask("SELECT text FROM event WHERE text LIKE 'history %' ORDER BY id")
        return [(name, int(number), id) for name, number, id in (text.split()[1:] for (text,) in rows)]

    def numbers(self):
        return dict(self.database.ask("SELECT substr(name, 6), fencing FROM lease"))


def history_of(folder, seconds, pause_ms, **how):
    base = Base(folder)
    nemesis = Nemesis(WORKER, base.address, folder, SEED, seconds, pause_ms, **how)
    try:
        history = checker.read(nemesis.run())
        writes, numbers = base.writes(), base.numbers()
    finally:
        if stores.ON_SERVER:
            base.database.remove()
    begin = time.monotonic()
    findings = checker.check(history, checker.TTL_MS, writes)
    for op in history.ops.values():
        if op.deed == "take" and op.result == "ok" and op.answer > numbers[op.name]:
            findings.append(f"{op}: the store knows number {numbers[op.name]}")
    print(f"\nCHANCERY_SEED={SEED}, {stores.KIND}, {seconds:.0f} s: {checker.figures(history)}, {nemesis.n_kills} kills, {nemesis.n_freezes} freezes, "
          f"{len(writes)} guarded writes, {len(findings)} findings, checked in {time.monotonic() - begin:.1f} s")
    return history, findings


def test_history_when_workers_are_frozen_and_killed_then_it_is_linearizable_and_nobody_overlaps(tmp_path):
    history, findings = history_of(tmp_path, SECONDS, pause_ms=8 if SECONDS < LONG_S else 15)
    assert not findings, f"CHANCERY_SEED={SEED}:\n" + "\n".join(findings[:10])
    # The short form also runs on machines that do other things; but some history there must be.
    n_answered = sum(op.result not in ("open", "unknown") for op in history.ops.values())
    assert n_answered >= (50000 if SECONDS >= 300 else 20 * SECONDS)


@pytest.mark.parametrize("wrong, words", [("takes", "holds until"), ("renews", "no order of the operations explains"), ("writes", "after number")])
def test_history_when_one_guard_is_missing_then_the_checker_finds_it(tmp_path, wrong, words):
    # With more names fewer wait for each: what ran out is found by its old holder now and then.
    for i in range(5):
        (tmp_path / str(i)).mkdir()
        _, findings = history_of(tmp_path / str(i), 5, pause_ms=6, n_names=60, wrong=wrong)
        if any(words in finding for finding in findings):
            return
    raise AssertionError(f"CHANCERY_SEED={SEED}: {findings[:10]}")
