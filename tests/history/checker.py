#!/usr/bin/python3
"""Is a history of the lock linearizable? README.md tells the format of the lines and the sequential specification.

    tests/history/checker.py LOG [TTL_MS]

The names share nothing, so each is searched by itself (Herlihy and Wing: linearizability is local). For one name all states that the answers so far
leave possible are carried along (just-in-time linearization, after Lowe): at each answer every order of the operations under way is tried that gives
this answer. A lease knows time, so a state also carries the earliest instant at which the last operation can have happened.
"""
import sys
from dataclasses import dataclass, field

TTL_MS = 1000
LATE_MS = 2000  # so long after a kill what the dead had under way may still arrive at a server
FOREVER = 1 << 60


@dataclass
class Op:
    id: str
    worker: str  # worker and incarnation
    deed: str
    name: str
    fencing: int
    waits: bool
    begin_ms: int
    begin_at: int  # place in the log: the order of lines is the order of things
    result: str = "open"
    answer: int = 0
    until_ms: int = 0
    is_free: bool = False
    end_ms: int = FOREVER
    end_at: int = FOREVER

    def __str__(self):
        said = "" if self.result == "open" else f" = {self.result} {self.answer} until {self.until_ms}"
        return f"{self.id} {self.deed} {self.name} {self.fencing or ''}{said} [{self.begin_ms}, {self.end_ms}]"


@dataclass
class History:
    ops: dict = field(default_factory=dict)
    processes: set = field(default_factory=set)  # ids whose holder is a process of this machine
    killed_ms: dict = field(default_factory=dict)
    bad_lines: list = field(default_factory=list)


def read(lines):
    history = History()
    for at, line in enumerate(lines):
        words = line.split()
        try:
            read_line(history, at, words)
        except (ValueError, IndexError, KeyError):
            history.bad_lines.append(line)
    for op in history.ops.values():
        if op.result == "open" and op.worker in history.killed_ms:
            op.end_ms = history.killed_ms[op.worker] + LATE_MS
    return history


def read_line(history, at, words):
    kind = words[0]
    if kind == "I":
        id, ms, deed, name, fencing, waits = words[1:]
        history.ops[id] = Op(id, id.rsplit(".", 1)[0], deed, name, int(fencing), waits == "waits", int(ms), at)
    elif kind == "A":
        id, ms, result, answer, until_ms, is_free = words[1:]
        op = history.ops[id]
        op.result, op.answer, op.until_ms, op.is_free = result, int(answer), int(until_ms), is_free == "1"
        op.end_ms, op.end_at = int(ms), at
    elif kind == "S":
        if words[4] == "process":
            history.processes.add(words[1])
    elif kind in ("K", "E"):
        history.killed_ms[words[1]] = int(words[2])
    else:
        raise ValueError(kind)


# ---- the sequential specification ----
# A state: (number, holder or "", over_from_ms, over_by_ms). The last two differ only when the grant was never answered.

def gone_ms(history, worker):
    """From when on it may be a process that is no more."""
    return history.killed_ms.get(worker, FOREVER) if worker in history.processes else FOREVER


def over_ms(history, state):
    """The earliest instant at which nobody holds the name: its time is over, or its process is gone."""
    return min(state[2], gone_ms(history, state[1])) if state[1] else -FOREVER


class Spec:
    def __init__(self, history, ttl_ms, has_queue):
        self.history, self.ttl_ms, self.has_queue = history, ttl_ms, has_queue

    def when_free(self, state, at_ms, op):
        """The earliest instant from at_ms at which it is free; None: not before the answer."""
        at_ms = max(at_ms, over_ms(self.history, state))
        return at_ms if at_ms <= op.end_ms else None

    def when_held(self, state, at_ms, op):
        return at_ms if state[1] and at_ms < state[3] and at_ms <= op.end_ms else None

    def when_mine(self, state, at_ms, op):
        return self.when_held(state, at_ms, op) if state[0] == op.fencing else None

    def when_not_mine(self, state, at_ms, op):
        """Its own time, not its process's end: who asks lives."""
        if state[0] != op.fencing or not state[1]:
            return at_ms
        at_ms = max(at_ms, state[2])
        return at_ms if at_ms <= op.end_ms else None

    def granted(self, number, op, at_ms):
        if op.result == "ok":
            return (number, op.worker, op.until_ms, op.until_ms)
        return (number, op.worker, at_ms + self.ttl_ms, min(op.end_ms, FOREVER - self.ttl_ms) + self.ttl_ms)

    def exactly(self, op, at_ms):
        """An answer with an end tells its instant."""
        exact_ms = op.until_ms - self.ttl_ms
        return exact_ms if at_ms <= exact_ms <= op.end_ms else None

    def steps(self, state, now_ms, op):
        """All (state, instant) in which the operation can leave this state with its answer."""
        at_ms = max(now_ms, op.begin_ms)
        if at_ms > op.end_ms:
            return
        if op.result in ("open", "unknown"):
            yield from self.steps_unknown(state, at_ms, op)
            return
        yield from getattr(self, op.deed)(state, at_ms, op, op.result == "ok")

    def take(self, state, at_ms, op, ok):
        if ok:
            exact_ms = self.exactly(op, at_ms)
            # The clock is read first, then looked whether the holder is gone: who is frozen between the two grants less time, not more.
            is_free = over_ms(self.history, state) <= exact_ms or gone_ms(self.history, state[1]) <= op.end_ms if exact_ms is not None else False
            if is_free and op.answer == state[0] + 1:
                yield self.granted(op.answer, op, exact_ms), exact_ms
            return
        held_ms = at_ms if self.has_queue else self.when_held(state, at_ms, op)
        if held_ms is not None:
            yield state, held_ms

    def renew(self, state, at_ms, op, ok):
        if not ok:
            not_mine_ms = self.when_not_mine(state, at_ms, op)
            if not_mine_ms is not None:
                yield state, not_mine_ms
            return
        exact_ms = self.exactly(op, at_ms)
        if exact_ms is not None and self.when_mine(state, exact_ms, op) is not None:
            yield (state[0], state[1], op.until_ms, op.until_ms), exact_ms

    def release(self, state, at_ms, op, ok):
        done_ms = self.when_mine(state, at_ms, op) if ok else self.when_not_mine(state, at_ms, op)
        if done_ms is not None:
            yield ((state[0], "", 0, 0) if ok else state), done_ms

    # "break" is a word of Python
    def break_(self, state, at_ms, op, ok):
        done_ms = self.when_held(state, at_ms, op) if ok else self.when_free(state, at_ms, op)
        if done_ms is not None:
            yield ((state[0], "", 0, 0) if ok else state), done_ms

    def look(self, state, at_ms, op, ok):
        seen_ms = self.when_free(state, at_ms, op) if op.is_free else self.when_held(state, at_ms, op)
        if ok and op.answer == state[0] and seen_ms is not None:
            yield state, seen_ms

    def write(self, state, at_ms, op, ok):
        done_ms = self.when_mine(state, at_ms, op) if ok else self.when_not_mine(state, at_ms, op)
        if done_ms is not None:
            yield state, done_ms

    def steps_unknown(self, state, at_ms, op):
        """It may have done what it does; that it did nothing is looked after elsewhere."""
        if op.deed == "take" and self.when_free(state, at_ms, op) is not None:
            free_ms = self.when_free(state, at_ms, op)
            yield self.granted(state[0] + 1, op, free_ms), free_ms
        elif op.deed == "renew" and self.when_mine(state, at_ms, op) is not None:
            yield (state[0], state[1], state[2], min(op.end_ms, FOREVER - self.ttl_ms) + self.ttl_ms), at_ms
        elif op.deed == "release" and self.when_mine(state, at_ms, op) is not None:
            yield (state[0], "", 0, 0), at_ms
        elif op.deed == "break" and self.when_held(state, at_ms, op) is not None:
            yield (state[0], "", 0, 0), at_ms


setattr(Spec, "break", Spec.break_)


# ---- the search ----

def has_effect(op):
    return op.deed in ("take", "renew", "release", "break")


def put(configs, state, done, now_ms):
    """Of two that differ in the instant only, the earlier one can do all that the later can."""
    key = (state, done)
    if configs.get(key, FOREVER + 1) > now_ms:
        configs[key] = now_ms
        return True
    return False


def answer_of(spec, configs, under_way, op):
    """All configurations in which op has taken place, with any others of those under way before it."""
    after, todo, seen = {}, [(state, done, now_ms) for (state, done), now_ms in configs.items()], {}
    while todo:
        state, done, now_ms = todo.pop()
        if op.id in done:
            put(after, state, done - {op.id}, now_ms)
            continue
        for other in under_way.values():
            if other.id in done:
                continue
            for next_state, at_ms in spec.steps(state, now_ms, other):
                if put(seen, next_state, done | {other.id}, at_ms):
                    todo.append((next_state, done | {other.id}, at_ms))
        if op.result in ("open", "unknown"):
            put(after, state, done, now_ms)  # it never happened
    return after


def events_of(ops):
    """Begins and answers in the order of the log; those that were never answered end when the next thing happens after their time."""
    points = []
    for op in ops:
        points.append((op.begin_at, 0, op))
        if op.result != "open":
            points.append((op.end_at, 1, op))
    points.sort(key=lambda point: point[:2])
    never = sorted((op for op in ops if op.result == "open"), key=lambda op: op.end_ms)
    for place, is_end, op in points:
        ms = op.end_ms if is_end else op.begin_ms
        while never and never[0].end_ms < ms and never[0].begin_at < place:
            yield True, never.pop(0)
        yield bool(is_end), op


def search(history, name, ops, ttl_ms):
    """None, or what cannot be explained."""
    ops = [op for op in ops if has_effect(op) or op.result not in ("open", "unknown")]
    spec = Spec(history, ttl_ms, any(op.waits for op in ops))
    configs, under_way, ended = {((0, "", 0, 0), frozenset()): 0}, {}, set()
    for is_end, op in events_of(ops):
        if not is_end:
            if op.id not in ended:
                under_way[op.id] = op
            continue
        after = answer_of(spec, configs, under_way, op)
        under_way.pop(op.id, None)
        ended.add(op.id)
        if not after:
            states = "; ".join(f"number {s[0]}, holder {s[1] or 'nobody'}, over at {s[2]}, not before {now}"
                               for (s, _), now in list(configs.items())[:4])
            return f"{name}: no order of the operations explains {op}; before it: {states}"
        configs = after
    return None


# ---- what can be seen without a search ----

def grants_of(ops):
    return sorted((op for op in ops if op.deed == "take" and op.result == "ok"), key=lambda op: op.begin_at)


def numbers_check(name, ops):
    """Fencing numbers strictly grow, over restarts and all."""
    findings, seen, newest, newest_ended = [], {}, 0, []
    ends = sorted(grants_of(ops), key=lambda op: op.end_at)
    for op in grants_of(ops):
        if op.answer in seen:
            findings.append(f"{name}: number {op.answer} was granted twice: {seen[op.answer]} and {op}")
        seen[op.answer] = op
        while ends and ends[0].end_at < op.begin_at:
            newest = max(newest, ends.pop(0).answer)
        if op.answer <= newest:
            findings.append(f"{name}: number {op.answer} after {newest}: {op}")
    return findings


def surely_until_ms(grant, ops, ttl_ms):
    """Until when nobody else can hold the name, by all that was answered."""
    until_ms = grant.until_ms
    for op in ops:
        if op.deed == "renew" and op.fencing == grant.answer and op.result == "ok":
            until_ms = max(until_ms, op.until_ms)
    for op in ops:
        if op.fencing == grant.answer and op.deed == "release" and op.result != "no":
            until_ms = min(until_ms, op.begin_ms)
        if op.deed == "break" and op.result != "no" and op.end_ms >= grant.until_ms - ttl_ms:
            until_ms = min(until_ms, max(op.begin_ms, grant.begin_ms))
    return until_ms


def overlaps_check(history, name, ops, ttl_ms):
    """Two that both hold for sure."""
    findings = []
    grants = sorted(grants_of(ops), key=lambda op: op.answer)
    by_number = {}
    for op in ops:
        if op.deed in ("renew", "release"):
            by_number.setdefault(op.fencing, []).append(op)
    breaks = [op for op in ops if op.deed == "break"]
    for one, other in zip(grants, grants[1:]):
        until_ms = surely_until_ms(one, by_number.get(one.answer, []) + breaks, ttl_ms)
        if other.until_ms - ttl_ms < until_ms and other.end_ms < gone_ms(history, one.worker):
            findings.append(f"{name}: {one} holds until {until_ms}, and meanwhile {other}")
    return findings


def writes_check(history, writes):
    """writes: (name, number, id) in the order of the store; None: not known. Guarded writes never fall back to an older number, and are those that were answered."""
    if writes is None:
        return []
    findings, newest, there = [], {}, set()
    for name, number, id in writes:
        there.add(id)
        if number < newest.get(name, 0):
            findings.append(f"{name}: {id} wrote with number {number} after number {newest[name]} had written")
        newest[name] = max(newest.get(name, 0), number)
    for op in history.ops.values():
        if op.deed == "write" and op.result == "ok" and op.id not in there:
            findings.append(f"{op.name}: {op} was acknowledged and is not in the store")
        if op.deed == "write" and op.result == "no" and op.id in there:
            findings.append(f"{op.name}: {op} was refused and is in the store")
    return findings


def check(history, ttl_ms=TTL_MS, writes=None):
    """All findings, in words."""
    findings = [f"a line that is none: {line!r}" for line in history.bad_lines]
    names = {}
    for op in history.ops.values():
        names.setdefault(op.name, []).append(op)
    for name, ops in sorted(names.items()):
        ops.sort(key=lambda op: op.begin_at)
        findings += numbers_check(name, ops) + overlaps_check(history, name, ops, ttl_ms)
        found = search(history, name, ops, ttl_ms)
        if found:
            findings.append(found)
    return findings + writes_check(history, writes)


def figures(history):
    ops = list(history.ops.values())
    count = {deed: sum(op.deed == deed for op in ops) for deed in ("take", "renew", "release", "break", "look", "write")}
    granted = sum(op.deed == "take" and op.result == "ok" for op in ops)
    unanswered = sum(op.result in ("open", "unknown") for op in ops)
    return f"{len(ops)} operations ({', '.join(f'{n} {deed}' for deed, n in count.items())}), {granted} grants, {unanswered} without an answer"


def main(path, ttl_ms=str(TTL_MS)):
    with open(path) as log:
        history = read(log.read().splitlines())
    findings = check(history, int(ttl_ms))
    print("\n".join(findings[:20]) or "linearizable", figures(history), sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
