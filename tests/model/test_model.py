"""S3, S11: the lead, the orders and the lock as models that spin searches through completely; and each guard taken out, for which it must find
a trace. README.md says what in the code each part stands for.

CHANCERY_MODEL=long: with more faults at once, some minutes and 2 GB of memory.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
LONG = os.environ.get("CHANCERY_MODEL") == "long"
MOST_DEPTH = 200000

ORDER_WHOLE = {"": {}, "a slow act": {"ACT_IS_SLOW": 1, "ZONE_IS_NOT_LOOKED_AT": 1, "LEAVES": 0}}
LOCK_WHOLE = {"": {"LAPSES": 3, "CRASHES": 2}}
if LONG:
    ORDER_WHOLE = {"two crashes": {"CRASHES": 2, "LEAVES": 0}, "two freezes": {"FREEZES": 2, "LEAVES": 0}, "two losses": {"LOSSES": 2, "LEAVES": 0},
                   "everything once": {}, "a slow act": {"ACT_IS_SLOW": 1, "ZONE_IS_NOT_LOOKED_AT": 1}}
    LOCK_WHOLE = {"more of each": {"LAPSES": 4, "CRASHES": 3, "BREAKS": 2}}

# The guard that is taken out: what then does not hold (a piece of the assertion that spin names).
ORDER_GUARDS = {
    "NO_FENCING": "my_grant>=newest_writer",
    "NUMBER_STAYS": "my_grant>=newest_writer",
    "TAKE_ANYWAY": "zone[v]|my_grant==n_grants",
    "NO_CONFIRM": "my_grant==n_grants",
    "NO_CONFIRM_IN_JOB": "zone[v]",
    "NO_INTENT": "n_new_sent<=(row.tries+1)",
    "NO_FINALIZE_INTENT": "n_finalized<=1",
    "NO_ISSUED_CHECK": "n_finalized<=1",
    "NO_REREAD": "n_finalized<=1",
    "KEY_LATE": "key_stored[k]",
    "TXT_LATE": "zone[v]",
    "NO_MAY_STAND": "zone[v]",
    "NO_SWEEP": "zone[v]",
    # No guard but what is taken for granted: an act takes less than the margin of the lease.
    "ACT_IS_SLOW": "zone[v]",
}
LOCK_GUARDS = {
    "NO_EXPIRY_CHECK": "is_sure",
    "LOCK_IGNORES_ORDER": "is_sure",
    "ORDER_IGNORES_LOCK": "is_sure",
    "ORDER_REVIVES": "is_sure",
    "ORDER_IS_NOT_ASKED_FOR": "is_sure",
    "RENEW_REVIVES": "is_sure",
    "RENEW_WITHOUT_NUMBER": "number==mine",
    "RELEASE_WITHOUT_NUMBER": "is_sure",
    "NUMBER_IS_DROPPED": "number>newest_granted",
    "CHILD_IS_NOT_KILLED": "is_sure",
    "RESOURCE_DOES_NOT_LOOK": "mine>=newest_seen",
}


def search(folder, model, flags, cycles=False, optimise="-O2"):
    """What pan says after it has searched all of it, or up to the first trace."""
    defines = [f"-D{name}={value}" for name, value in flags.items()]
    made = subprocess.run(["spin", "-a", *defines, HERE / model], cwd=folder, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    kind = "-DNP" if cycles else "-DSAFETY"
    # The verifier is spin's, its warnings too.
    subprocess.run(["cc", "-w", optimise, kind, "-DCOLLAPSE", "-DVECTORSZ=4096", "-DMEMLIM=4000", "-o", "pan", "pan.c"], cwd=folder, check=True)
    done = subprocess.run(["./pan", f"-m{MOST_DEPTH}", *(["-l"] if cycles else [])], cwd=folder, capture_output=True, text=True, timeout=1800)
    print(f"{model} {' '.join(defines)}: {re.search('([0-9.e+]+) states, stored', done.stdout).group(1)} states, "
          f"{re.search('errors: [0-9]+', done.stdout).group()}")
    return done.stdout


def trace(folder, model, flags):
    """The last steps on the way to what was found, for a person."""
    steps = subprocess.run(["spin", "-t", "-p", "-g", *[f"-D{n}={v}" for n, v in flags.items()], HERE / model], cwd=folder, capture_output=True,
                           text=True).stdout.splitlines()
    told = [line for line in steps if "proc" in line and not re.search(r"\[else\]|\[\(1\)\]|\[i = |break", line)]
    return "\n".join(told[-60:])


def is_clean(folder, model, flags, cycles=False):
    said = search(folder, model, flags, cycles)
    assert "errors: 0" in said, said[:1500] + trace(folder, model, flags)
    assert "max search depth too small" not in said and "Search not completed" not in said, said[:1500]


@pytest.mark.parametrize("what", ORDER_WHOLE)
def test_order_when_every_guard_is_there_then_nothing_is_found(tmp_path, what):
    is_clean(tmp_path, "order.pml", ORDER_WHOLE[what])


@pytest.mark.parametrize("what", LOCK_WHOLE)
def test_lock_when_every_guard_is_there_then_nothing_is_found(tmp_path, what):
    is_clean(tmp_path, "lock.pml", LOCK_WHOLE[what])


def test_order_when_searched_for_runs_without_an_end_then_there_is_none(tmp_path):
    is_clean(tmp_path, "order.pml", {} if LONG else {"LEAVES": 0}, cycles=True)


@pytest.mark.parametrize("guard", ORDER_GUARDS)
def test_order_when_a_guard_is_taken_out_then_a_trace_is_found(tmp_path, guard):
    finds(tmp_path, "order.pml", guard, ORDER_GUARDS[guard])


@pytest.mark.parametrize("guard", LOCK_GUARDS)
def test_lock_when_a_guard_is_taken_out_then_a_trace_is_found(tmp_path, guard):
    finds(tmp_path, "lock.pml", guard, LOCK_GUARDS[guard])


def finds(folder, model, guard, words):
    said = search(folder, model, {guard: 1}, optimise="-O0")  # found at once: what takes time is the compiler
    found = re.search(r"assertion violated (.*) \(at depth", said)
    assert found and any(word in found.group(1) for word in words.split("|")), f"without {guard}: {said[:1500]}"


def test_readme_when_read_then_every_flag_of_the_models_is_told():
    readme = (HERE / "README.md").read_text()
    for model, guards in (("order.pml", ORDER_GUARDS), ("lock.pml", LOCK_GUARDS)):
        flags = set(re.findall(r"^#ifn?def (\w+)", (HERE / model).read_text(), re.M)) - {"CRASHES", "FREEZES", "LOSSES", "LEAVES", "LAPSES", "BREAKS"}
        assert flags == set(guards) | ({"ZONE_IS_NOT_LOOKED_AT"} if model == "order.pml" else set()), f"{model}: {flags ^ set(guards)}"
        assert not [flag for flag in flags if f"`{flag}`" not in readme], model
    # What the README says a part stands for is there.
    for path, name in re.findall(r"`([\w/]+\.[chd][ef]?f?)`: `(\w+)`", readme):
        assert re.search(rf"\b{name}\b", (HERE.parents[1] / path).read_text()), f"{path} knows nothing of {name}"
