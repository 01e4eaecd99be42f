"""The server of the store fails over: a standby that streams is promoted, the address names both. What was acknowledged is there, what was under way goes on.

fsync is off, for processes are killed here, not machines; what a standby must have before a commit returns is synchronous_standby_names.
"""
import os
import signal
import subprocess
import time

import pytest
import stores
from postgresql import USER, Postgresql
from servers import wait_until
from world import Site, View, group_end

pytestmark = stores.only("postgresql", "a server that fails over")
SETS = {f"s{i}": (f"s{i}.example.com", f"*.s{i}.example.com") for i in range(6)}


class Pair:
    """A primary and a standby that has what the primary acknowledges."""

    def __init__(self, folder):
        self.primary = Postgresql(folder / "primary", settings=("-c", "synchronous_standby_names=*", "-c", "synchronous_commit=local"))
        self.standby = Postgresql(folder / "standby", copy_of=self.primary)
        wait_until("the standby streams", lambda: self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "postgres")
                   == [["1"]], 30)

    def url(self, schema):
        return (f"postgresql://{USER}@127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}/postgres?options=-csearch_path%3D{schema}"
                "&target_session_attrs=read-write")

    def fail_over(self):
        self.primary.kill()
        self.standby.promote()

    def stop(self):
        self.standby.stop()
        self.primary.stop()


class Failing(Site):
    """A site at a pair of servers; asked where it is at the moment."""

    def __init__(self, folder, lane, pair):
        self.pair, self.schema = pair, stores.ServerStore(pair.primary)
        self.schema.setting = pair.url(self.schema.name)
        super().__init__(folder, View(lane.ca), lane.bind, sets=SETS)

    def write(self, *args, **kwargs):
        self.database = self.schema
        super().write(*args, **kwargs)

    def fail_over(self):
        self.pair.fail_over()
        self.schema.server = self.pair.standby


@pytest.fixture
def pair(tmp_path):
    one = Pair(tmp_path / "pair")
    yield one
    one.stop()


def failing_site(tmp_path, lane, pair):
    lane.ca.set(validate_ms=600, issue_ms=300)
    return Failing(tmp_path / "site", lane, pair)


def some_are_issued(site):
    """In the middle: the CA has issued for some, not for all."""
    return 0 < len(site.ca.ledger()["certificates"])


def test_serve_when_its_server_fails_over_then_it_goes_on_with_the_new_one_and_no_key_is_lost(tmp_path, lane, pair):
    site = failing_site(tmp_path, lane, pair)
    daemon = site.start("serve")
    try:
        wait_until("it is in the middle", lambda: some_are_issued(site), 30)
        begin = time.monotonic()
        site.fail_over()
        wait_until("all is issued and delivered", lambda: site.sql("SELECT count(*) FROM deployment WHERE stage = 'done'") == [(len(SETS),)], 60)
        took_s = time.monotonic() - begin
        wait_until("all is tidy", lambda: site.sql("SELECT count(*) FROM orders WHERE ended_at_ms IS NULL") == [(0,)], 30)
        assert daemon.poll() is None, (site.folder / "run.log").read_text()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
    finally:
        group_end(daemon)
        lane.ca.set(validate_ms=5, issue_ms=5)
    assert site.run("renew").returncode == 0
    site.check_ledgers(1, "failover under serve", kills=len(SETS))
    print(f"\nfailed over under serve: all issued and delivered {took_s:.1f} s later")


def test_renew_when_its_server_fails_over_then_the_next_run_goes_on_and_no_key_is_lost(tmp_path, lane, pair):
    site = failing_site(tmp_path, lane, pair)
    run = site.start("renew")
    try:
        wait_until("it is in the middle", lambda: some_are_issued(site), 30)
        site.fail_over()
        assert run.wait(60) in (0, 5), (site.folder / "run.log").read_text()
    finally:
        group_end(run)
        lane.ca.set(validate_ms=5, issue_ms=5)
    again = site.run("renew", "--wait", "1m")
    assert again.returncode == 0, again
    site.check_ledgers(1, "failover under renew", kills=len(SETS))


def test_renew_when_only_the_standby_answers_then_it_is_told_and_nothing_is_asked(tmp_path, lane, pair):
    site = failing_site(tmp_path, lane, pair)
    pair.primary.kill()
    told = site.run("renew")
    assert told.returncode == 5 and "read-only" in told.stderr and "cannot be reached" in told.stderr, told
    assert site.ca.ledger()["requests"]["newOrder"] == 0


def test_signal_when_the_server_says_nothing_then_ended_within_five_seconds(tmp_path, lane):
    """Its processes are stopped: it takes connections and answers nothing. And once more from the start, when it does not even let anybody in."""
    server = Postgresql(tmp_path / "silent")
    try:
        store = stores.ServerStore(server)

        class Silent(Site):
            def write(self, *args, **kwargs):
                self.database = store
                super().write(*args, **kwargs)

        site = Silent(tmp_path / "site", View(lane.ca), lane.bind)
        lane.ca.set(validate_ms=3000)
        for words in (["renew"], ["serve"]):
            process = site.start(*words)
            try:
                wait_until("it works", lambda: site.sql("SELECT count(*) FROM lease WHERE name = 'leader' AND holder IS NOT NULL") == [(1,)], 30)
                store.remove_connection()
                pids = [server.server.process.pid, *children_of(server.server.process.pid)]
                for pid in pids:
                    os.kill(pid, signal.SIGSTOP)
                time.sleep(1.5)
                begin = time.monotonic()
                process.send_signal(signal.SIGTERM)
                process.wait(30)
                took_s = time.monotonic() - begin
                # Another that begins now is told within the patience of the address; a signal ends it sooner.
                late = site.start(*words)
                time.sleep(1)
                late.send_signal(signal.SIGTERM)
                begin = time.monotonic()
                late.wait(30)
                late_s = time.monotonic() - begin
            finally:
                for pid in reversed(pids):
                    os.kill(pid, signal.SIGCONT)
                group_end(process)
            assert took_s < 6 and late_s < 6, f"{words}: {took_s:.1f} s and {late_s:.1f} s: {(site.folder / 'run.log').read_text()}"
        lane.ca.set(validate_ms=5)
        assert site.run("renew", "--wait", "1m").returncode == 0
        site.check_ledgers(1, "a silent server", kills=2)
    finally:
        lane.ca.set(validate_ms=5)
        server.stop()


def children_of(pid):
    return [int(child) for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]
