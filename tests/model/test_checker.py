"""The checker of histories (tests/history/checker.py) must bite: each kind of violation, put into a history by hand, is found; what is right is not."""
import random
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "history"))
import checker  # noqa: E402

TTL_MS = 1000


class Log:
    """Builds the lines of a history. An operation is told by when it begins and ends; lines come out in that order."""

    def __init__(self):
        self.lines, self.n = [], 0

    def op(self, worker, begin_ms, end_ms, deed, result, fencing=0, answer=0, at_ms=None, is_free=0, name="a", waits="-"):
        self.n += 1
        id = f"{worker}.1.{self.n}"
        until_ms = 0 if at_ms is None else at_ms + TTL_MS
        self.lines.append((begin_ms, 0, f"I {id} {begin_ms} {deed} {name} {fencing} {waits}"))
        if result != "open":
            self.lines.append((end_ms, 1, f"A {id} {end_ms} {result} {answer} {until_ms} {is_free}"))
        return id

    def take(self, worker, begin_ms, end_ms, number, at_ms=None, **how):
        return self.op(worker, begin_ms, end_ms, "take", "ok", answer=number, at_ms=begin_ms if at_ms is None else at_ms, **how)

    def note(self, ms, line):
        self.lines.append((ms, 0, line))

    def findings(self, writes=None):
        history = checker.read([line for _, _, line in sorted(self.lines, key=lambda it: it[:2])])
        return checker.check(history, TTL_MS, writes)


def finds(log, words, **how):
    found = log.findings(**how)
    assert any(words in finding for finding in found), found


NOTHING = "no order of the operations explains"


def test_history_when_right_then_nothing_is_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w2", 5, 6, "take", "no")
    log.op("w2", 7, 8, "look", "ok", answer=1)
    log.op("w1", 500, 501, "renew", "ok", fencing=1, answer=1, at_ms=500)
    log.op("w1", 600, 601, "write", "ok", fencing=1)
    log.op("w1", 700, 701, "release", "ok", fencing=1)
    log.op("w2", 702, 703, "look", "ok", answer=1, is_free=1)
    log.take("w2", 704, 705, 2)
    log.op("w1", 706, 707, "renew", "no", fencing=1)
    log.op("w3", 800, 801, "break", "ok")
    log.take("w3", 802, 803, 3)
    log.take("w1", 1802, 1803, 4, at_ms=1802)
    assert log.findings() == []


def test_history_when_operations_overlap_then_any_order_of_theirs_is_right():
    log = Log()
    log.take("w1", 0, 100, 1, at_ms=50)
    log.op("w2", 10, 90, "look", "ok", answer=0, is_free=1)
    log.op("w3", 10, 95, "look", "ok", answer=1)
    log.op("w1", 200, 300, "release", "ok", fencing=1)
    log.take("w2", 210, 290, 2, at_ms=250)
    assert log.findings() == []


def test_take_when_held_then_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    log.take("w2", 500, 502, 2)
    finds(log, NOTHING)
    finds(log, "holds until")


def test_take_when_refused_though_free_then_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w1", 10, 11, "release", "ok", fencing=1)
    log.op("w2", 20, 21, "take", "no")
    finds(log, NOTHING)


def test_take_when_refused_where_people_wait_in_line_then_right():
    log = Log()
    log.take("w1", 0, 2, 1, waits="waits")
    log.op("w1", 10, 11, "release", "ok", fencing=1)
    log.op("w2", 20, 21, "take", "no", waits="waits")
    assert log.findings() == []


def test_number_when_granted_twice_or_falling_then_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w1", 10, 11, "release", "ok", fencing=1)
    log.take("w2", 20, 21, 1)
    finds(log, "granted twice")
    finds(log, NOTHING)
    log = Log()
    log.take("w1", 0, 2, 2)
    log.op("w1", 10, 11, "release", "ok", fencing=2)
    log.take("w2", 20, 21, 1)
    finds(log, "number 1 after 2")


@pytest.mark.parametrize("deed", ["renew", "release", "write"])
def test_holder_when_it_goes_on_after_its_time_then_found(deed):
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w1", 1500, 1501, deed, "ok", fencing=1, answer=1, at_ms=1500)
    finds(log, NOTHING)


@pytest.mark.parametrize("deed", ["renew", "release", "write"])
def test_holder_when_it_goes_on_though_another_has_it_then_found(deed):
    log = Log()
    log.take("w1", 0, 2, 1)
    log.take("w2", 1100, 1101, 2)
    log.op("w1", 1200, 1201, deed, "ok", fencing=1, answer=1, at_ms=1200)
    finds(log, NOTHING)


@pytest.mark.parametrize("deed", ["renew", "release", "write"])
def test_holder_when_it_is_refused_in_its_time_then_found(deed):
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w1", 100, 101, deed, "no", fencing=1)
    finds(log, NOTHING)


def test_break_when_it_says_the_wrong_thing_then_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w2", 100, 101, "break", "no")
    finds(log, NOTHING)
    log = Log()
    log.op("w2", 100, 101, "break", "ok")
    finds(log, NOTHING)


def test_look_when_stale_then_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w2", 100, 101, "look", "ok", answer=0, is_free=1)
    finds(log, NOTHING)
    log = Log()
    log.take("w1", 0, 2, 1)
    log.op("w2", 100, 101, "look", "ok", answer=1, is_free=1)
    finds(log, NOTHING)


def test_grant_when_its_instant_lies_outside_the_operation_then_found():
    log = Log()
    log.take("w1", 100, 102, 1, at_ms=300)
    finds(log, NOTHING)


def test_killed_when_it_may_have_done_its_last_deed_or_not_then_both_are_right():
    for is_done in (False, True):
        log = Log()
        log.note(0, "S w1.1 0 77 client")
        log.op("w1", 10, 0, "take", "open")
        log.note(20, "K w1.1 20")
        if is_done:
            log.op("w2", 100, 101, "take", "no")
        log.take("w2", 1100, 1101, 2 if is_done else 1)
        assert log.findings() == [], is_done


def test_killed_process_when_it_held_then_free_at_once_but_a_client_is_not():
    for kind, is_right in (("process", True), ("client", False)):
        log = Log()
        log.note(0, f"S w1.1 0 77 {kind}")
        log.take("w1", 10, 11, 1)
        log.note(20, "K w1.1 20")
        log.take("w2", 100, 101, 2)
        assert (log.findings() == []) == is_right


def test_take_when_frozen_after_it_read_the_clock_then_a_death_in_between_counts():
    log = Log()
    log.note(0, "S w1.1 0 77 process")
    log.take("w1", 10, 11, 1)
    log.note(500, "K w1.1 500")
    log.take("w2", 100, 600, 2, at_ms=100)
    assert log.findings() == []
    log.lines = [it for it in log.lines if not it[2].startswith("K")]
    finds(log, NOTHING)


def test_writes_when_an_older_number_follows_a_newer_one_or_they_are_not_those_answered_then_found():
    log = Log()
    log.take("w1", 0, 2, 1)
    done = log.op("w1", 10, 11, "write", "ok", fencing=1)
    finds(log, "is not in the store", writes=[])
    finds(log, "after number", writes=[("a", 1, done), ("a", 2, "w2.1.9"), ("a", 1, "w1.1.9")])
    assert log.findings(writes=[("a", 1, done)]) == []
    log = Log()
    no = log.op("w1", 10, 11, "write", "no", fencing=1)
    finds(log, "was refused", writes=[("a", 1, no)])


def test_line_when_it_is_none_then_found():
    assert checker.check(checker.read(["I w1.1.1 5"]), TTL_MS)


def long_history(n, n_names=20, n_workers=8):
    """A right one, as long as wanted, of operations that overlap."""
    chance, log, now = random.Random(1), Log(), 0
    number, holder, over = dict.fromkeys(range(n_names), 0), {}, {}
    for _ in range(n):
        now += chance.randrange(3)
        name, worker = chance.randrange(n_names), f"w{chance.randrange(n_workers)}"
        begin, end = now - chance.randrange(5), now + chance.randrange(5)
        is_held = holder.get(name) is not None and now < over[name]
        how = {"name": f"n{name}"}
        if not is_held:
            number[name] += 1
            holder[name], over[name] = worker, now + TTL_MS
            log.take(worker, begin, end, number[name], at_ms=now, **how)
        elif chance.random() < 0.2:
            log.op(worker, begin, end, "release", "ok", fencing=number[name], **how)
            holder[name] = None
        elif chance.random() < 0.4:
            over[name] = now + TTL_MS
            log.op(worker, begin, end, "renew", "ok", fencing=number[name], answer=number[name], at_ms=now, **how)
        else:
            log.op(worker, begin, end, "take", "no", **how)
    return log


def test_history_when_sixty_thousand_operations_long_then_checked_in_seconds():
    log = long_history(60000)
    begin = time.process_time()
    assert log.findings() == []
    assert time.process_time() - begin < 60


@pytest.mark.parametrize("place", [0.1, 0.5, 0.95])
def test_history_when_one_answer_of_many_is_wrong_then_found(place):
    log = long_history(5000)
    grants = [i for i, (_, _, line) in enumerate(log.lines) if line.startswith("A") and " ok " in line and line.endswith(" 0") and line.split()[5] != "0"]
    at = grants[int(place * len(grants))]
    ms, order, line = log.lines[at]
    words = line.split()
    words[5] = str(int(words[5]) - 400)  # as if it had been granted at another instant
    log.lines[at] = (ms, order, " ".join(words))
    assert log.findings()
