"""L4: a signal ends the process within 5 s whatever it waits for, leaves what the next run can go on with, and says so by its exit code.

Peers hang in two ways: the fake CA answers one byte a second (the request took effect), and a server's process is stopped by SIGSTOP (it
accepts and is silent).
"""
import os
import signal
import subprocess
import time

import pytest
from servers import wait_until
from world import group_end

END_S = 5.0
AT_ONCE_S = 1.0
STOPPED = 1  # docs: stopped by a signal, the next run goes on
KINDS = ["directory", "newAccount", "newOrder", "authz", "challenge", "order", "finalize", "certificate"]


def signalled(site, process, signum, context, most_s=END_S, codes=(STOPPED,)):
    """The seconds until it ended."""
    begin = time.monotonic()
    process.send_signal(signum)
    try:
        process.wait(most_s + 10)
    except subprocess.TimeoutExpired:
        group_end(process)
        raise AssertionError(f"{context}: still there after {most_s + 10} s; {(site.folder / 'run.log').read_text()}") from None
    took_s = time.monotonic() - begin
    assert took_s <= most_s, f"{context}: {took_s:.1f} s"
    assert process.returncode in codes, f"{context}: exit {process.returncode}; {(site.folder / 'run.log').read_text()}"
    return took_s


def resumed(site, context, decisions=1, kills=1):
    result = site.run("renew")
    assert result.returncode == 0, f"{context}: the next run: {result.stderr}{result.stdout}"
    site.check_ledgers(decisions, context, kills=kills)


class Frozen:
    """A server's process that is stopped: it accepts connections and never answers."""

    def __init__(self, server):
        self.pid = server.process.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_when_the_ca_hangs_in_an_answer_then_ended_and_resumed(tmp_path, lanes, signum):
    def trial(lane, kind):
        site = lane.site(tmp_path / kind)
        context = f"{signum.name} while the answer to {kind} comes one byte a second"
        lane.ca.set(faults=[{"on": kind, "act": "slow", "times": 0}])
        process = site.start("renew")
        try:
            wait_until(f"{context}: asked", lambda: site.ca.ledger()["requests"][kind] > 0)
            time.sleep(0.2)
            took_s = signalled(site, process, signum, context)
        finally:
            group_end(process)
            lane.ca.set(faults=[])
        resumed(site, context)
        return took_s

    times = lanes.run(trial, KINDS)
    print(f"\n{signum.name}, CA slow: {max(times):.2f} s at most")


def test_signal_when_the_ca_is_silent_then_ended_and_resumed(tmp_path, lanes):
    def trial(lane, step):
        site = lane.site(tmp_path / step)
        context = f"SIGTERM in step {step} of a CA that fell silent"
        lane.ca.set(validate_ms=1500, issue_ms=1500)
        process = site.start("renew")
        try:
            wait_until(context, lambda: site.sql("SELECT count(*) FROM orders WHERE step = ?", step) == [(1,)])
            with Frozen(lane.ca.server):
                time.sleep(0.7)
                took_s = signalled(site, process, signal.SIGTERM, context)
        finally:
            group_end(process)
            lane.ca.set(validate_ms=5, issue_ms=5)
        resumed(site, context)
        return took_s

    print(f"\nCA silent: {max(lanes.run(trial, ['validate', 'issue'])):.2f} s at most")


def test_signal_when_the_ca_was_never_there_then_ended(tmp_path, lane):
    site = lane.site(tmp_path / "site")
    with Frozen(lane.ca.server):
        process = site.start("renew")
        time.sleep(0.8)
        signalled(site, process, signal.SIGTERM, "SIGTERM while the CA accepts and is silent")
    resumed(site, "the CA was silent")


def silent_from_the_start(lane, folder):
    site = lane.site(folder)
    with Frozen(lane.bind.server):
        process = site.start("renew")
        time.sleep(1.0)
        signalled(site, process, signal.SIGTERM, "SIGTERM while no name server answers")
    return site


def silent_at_job(lane, folder, nth, states):
    """The provider's job number nth is held back while its server falls silent."""
    site = lane.site(folder, sets={"www": ("www.example.com",)})
    process = site.start("renew", env={"CHANCERY_FAILPOINT": f"txt.job.before=sleep:1500@{nth}"})
    context = f"SIGTERM while the name server is silent, job {nth}"
    try:
        wait_until(context, lambda: site.sql(f"SELECT count(*) FROM txt WHERE state IN {states}") == [(1,)])
        with Frozen(lane.bind.server):
            time.sleep(1.8)
            signalled(site, process, signal.SIGTERM, context, codes=(0, STOPPED))
    finally:
        group_end(process)
    return site


def test_signal_when_the_name_server_is_silent_then_ended_and_resumed(tmp_path, lanes):
    cases = {
        "from the start": silent_from_the_start,
        "before the record is set": lambda lane, folder: silent_at_job(lane, folder, 1, "('planned', 'sent')"),
        "before it is removed": lambda lane, folder: silent_at_job(lane, folder, 2, "('served', 'removing')"),
    }
    lanes.run(lambda lane, name: resumed(cases[name](lane, tmp_path / name), f"the name server was silent {name}"), cases)


def sleeper(site, works=False):
    """An activation that sleeps for a minute, with a child of its own, and leaves its number."""
    script = site.folder / "activate.sh"
    script.write_text("#!/bin/sh\nexit 0\n" if works else f"#!/bin/sh\nsleep 61 &\necho $$ $! > {site.folder}/pids\nwait\n")
    script.chmod(0o755)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def interrupted_program(lane, folder, which, signum):
    other = "activate" if which == "check" else "check"
    site = lane.site(folder, deploy=f"files: {{dir: live/www}}\n    {which}: ['{folder}/activate.sh']\n    {other}: [/bin/true]")
    sleeper(site)
    pids = site.folder / "pids"
    process = site.start("renew")
    try:
        wait_until("the program runs", lambda: pids.exists() and len(pids.read_text().split()) == 2)
        signalled(site, process, signum, f"{signum.name} while {which} sleeps")
    finally:
        group_end(process)
    children = [int(pid) for pid in pids.read_text().split()]
    wait_until(f"{which} and its child are gone", lambda: not any(is_running(pid) for pid in children), 3)
    sleeper(site, works=True)
    resumed(site, f"{which} was interrupted")


def test_signal_when_a_program_of_the_delivery_sleeps_then_both_end_and_it_is_repeated(tmp_path, lanes):
    cases = [(which, signum) for which in ("check", "activate") for signum in (signal.SIGTERM, signal.SIGINT)]
    lanes.run(lambda lane, case: interrupted_program(lane, tmp_path / f"{case[0]}-{case[1]}", *case), cases)


def test_second_signal_when_the_first_waits_then_at_once(tmp_path, lanes):
    def trial(lane, signum):
        site = lane.site(tmp_path / signum.name)
        lane.ca.set(faults=[{"on": "challenge", "act": "slow", "times": 0}])
        process = site.start("renew")
        try:
            wait_until("asked", lambda: site.ca.ledger()["requests"]["challenge"] > 0)
            process.send_signal(signum)
            time.sleep(0.3)
            assert process.poll() is None, "the first signal was to wait for the answer"
            signalled(site, process, signum, f"second {signum.name}", AT_ONCE_S, codes=(128 + signum,))
        finally:
            group_end(process)
            lane.ca.set(faults=[])
        resumed(site, "two signals")

    lanes.run(trial, [signal.SIGTERM, signal.SIGINT])


def test_signal_when_following_another_leader_then_ended_at_once(tmp_path, lane):
    site = lane.site(tmp_path / "site")
    lane.ca.set(validate_ms=3000)
    leader = site.start("renew")
    try:
        wait_until("it leads", lambda: site.sql("SELECT count(*) FROM orders") == [(1,)])
        waiter = site.start("renew", "--wait", "60s")
        time.sleep(0.5)
        signalled(site, waiter, signal.SIGTERM, "SIGTERM while another leads", AT_ONCE_S)
        assert leader.wait(60) == 0
    finally:
        group_end(leader)
        group_end(waiter)
        lane.ca.set(validate_ms=5)
    resumed(site, "one waited", kills=0)


def test_signal_when_the_store_is_locked_then_ended_and_resumed(tmp_path, lane):
    site = lane.site(tmp_path / "site")
    lane.ca.set(validate_ms=2000)
    process = site.start("renew")
    try:
        wait_until("validating", lambda: site.sql("SELECT count(*) FROM orders WHERE step = 'validate'") == [(1,)])
        with site.database.writers_held():
            time.sleep(2.5)
            signalled(site, process, signal.SIGTERM, "SIGTERM while another process keeps the store locked", codes=(STOPPED, 5))
    finally:
        group_end(process)
        lane.ca.set(validate_ms=5)
    resumed(site, "the store was locked")


def test_hup_when_sent_all_the_time_then_harmless(tmp_path, lane):
    site = lane.site(tmp_path / "site")
    process = site.start("renew")
    wait_until("it works", lambda: site.sql("SELECT count(*) FROM orders") == [(1,)])
    while process.poll() is None:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    assert process.returncode == 0, (site.folder / "run.log").read_text()
    site.check_ledgers(1, "SIGHUP all the time")


@pytest.mark.parametrize("words", [["renew"], ["renew", "--json"], ["renew", "--verbose"]])
def test_pipe_when_nobody_reads_then_the_work_is_done(tmp_path, lane, words):
    """`chancery renew | head -1`: what it says is lost, what it does is not."""
    site = lane.site(tmp_path / "site")
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = site.start(*words, stdout=write_end, stderr=write_end)
    os.close(write_end)
    assert process.wait(60) in (0, 1), process.returncode
    site.check_ledgers(1, f"{words} into a closed pipe")


def test_descriptors_when_the_first_three_are_closed_then_no_file_gets_our_words(tmp_path, lane):
    """A descriptor that is closed is given to the next file opened: what is printed must not land in it."""
    site = lane.site(tmp_path / "site")
    argv = " ".join(f"'{word}'" for word in site.argv("renew", "--verbose"))
    done = subprocess.run(["/bin/sh", "-c", f"exec {argv} <&- >&- 2>&-"], timeout=60)
    assert done.returncode in (0, 1), done.returncode
    resumed(site, "descriptors 0 to 2 closed", kills=0)
    live = site.live() / "current"
    for name in ("key.pem", "fullchain.pem", "cert.pem", "chain.pem"):
        assert (live / name).read_bytes().startswith(b"-----BEGIN"), name
