"""The store on PostgreSQL: the same texts, the same promises, several hosts."""
import os
import signal
import subprocess
import time

import pytest
import stores

from conftest import BUILD, PROGRAM, ROOT, Office
from servers import wait_until

pytestmark = stores.only("postgresql", "its own tests")
CHECK = (BUILD if BUILD.is_absolute() else ROOT / BUILD) / "tests" / "postgresql_check"


class Shared(Office):
    """An office whose store is a database of the server."""

    def __init__(self, folder, server, url):
        super().__init__(folder)
        self.server, self.url = server, url

    def write(self, *args, **kwargs):
        self.database.setting = self.url
        return super().write(*args, **kwargs)

    def sql(self, query, *arguments):
        for argument in arguments:
            query = query.replace("?", "'" + str(argument) + "'", 1)
        return [tuple(row) for row in self.server.sql(query, self.url.rsplit("/", 1)[1])]

    def is_being_changed(self):
        return self.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != [("0",)]


@pytest.fixture
def url(server, request):
    name = "t" + str(abs(hash(request.node.name)) % 10**12)
    return server.database(name)


@pytest.fixture
def shared(tmp_path, server, url):
    return Shared(tmp_path / "office", server, url)


def test_every_statement_is_understood_and_does_what_sqlite_does(url):
    process = subprocess.run([str(CHECK), url], capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stdout + process.stderr


def test_blank_database_is_told_and_init_makes_the_register(shared, pebble, bind):
    shared.write(pebble, bind)
    told = shared.run("renew", check=5)
    assert "is empty" in told.err and "chancery init" in told.err, told
    shared.run("init", check=0)
    assert shared.sql("SELECT number FROM chancery_schema") == [("1",)]
    assert "made" in shared.run("init", "--json", check=0).json()
    shared.run("check", check=0)


def test_main_job(shared, pebble, bind):
    shared.write(pebble, bind)
    shared.run("init", check=0)
    shared.set("shop", ["shop.example.com", "*.shop.example.com"], f"deploy: [{{files: {{dir: '{shared.folder}/live'}}}}]")
    shared.run("renew", check=0)
    assert (shared.folder / "live" / "current" / "fullchain.pem").exists() or list((shared.folder / "live").rglob("fullchain.pem"))
    before = shared.sql("SELECT count(*) FROM event")
    idle = shared.run("renew", "--json", check=0)
    assert shared.sql("SELECT count(*) FROM event") == before, idle
    shared.set("shop", ["shop.example.com", "www.shop.example.com"], f"deploy: [{{files: {{dir: '{shared.folder}/live'}}}}]")
    shared.run("renew", check=0)
    assert shared.current("shop")[1] == "2"
    for words in (["status"], ["show", "shop"], ["history", "--all"], ["plan"], ["account", "list"], ["provider", "list"], ["check"]):
        shared.run(*words, "--json", check=0)
    shared.run("export", "shop", "--out", shared.folder / "out", check=None)
    shared.run("revoke", "shop", "--reason", "superseded", "--yes", check=0)
    assert shared.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") == [("0",)]


def test_two_hosts_share_one_register_and_one_lead(tmp_path, server, url, pebble, bind):
    one, two = Shared(tmp_path / "one", server, url), Shared(tmp_path / "two", server, url)
    one.write(pebble, bind)
    one.run("init", check=0)
    (two.folder / "seal.key").write_bytes((one.folder / "seal.key").read_bytes())
    os.chmod(two.folder / "seal.key", 0o400)
    two.write(pebble, bind)
    for office in (one, two):
        for i in range(4):
            office.set(f"s{i}", [f"s{i}.two.example.com"])
    both = [subprocess.Popen([str(PROGRAM), "renew", "--wait", "2m", "--config", str(o.config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for o in (one, two)]
    said = [p.communicate(timeout=180)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0], said
    assert one.sql("SELECT count(*) FROM certificate") == [("4",)], said


def test_killed_leader_frees_the_lead_at_once_on_its_own_host(shared, pebble, bind):
    shared.write(pebble, bind)
    shared.run("init", check=0)
    for i in range(6):
        shared.set(f"k{i}", [f"k{i}.killed.example.com"])
    process = subprocess.Popen([str(PROGRAM), "renew", "--config", str(shared.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until("an order is open", lambda: shared.sql("SELECT count(*) FROM orders") != [("0",)], 60)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    began = time.monotonic()
    shared.run("renew", check=0)
    assert time.monotonic() - began < 30, "it waited for the end of the lease"
    assert shared.sql("SELECT count(*) FROM certificate") == [("6",)]
    assert shared.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") == [("0",)]


def test_frozen_leader_is_replaced_by_another_host_and_writes_nothing_more(shared, pebble, bind):
    shared.write(pebble, bind)
    shared.run("init", check=0)
    for i in range(8):
        shared.set(f"f{i}", [f"f{i}.frozen.example.com"])
    process = subprocess.Popen([str(PROGRAM), "renew", "--config", str(shared.config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_until("an order is open", lambda: shared.sql("SELECT count(*) FROM orders") != [("0",)], 60)
        stores.freeze_between_changes(process, shared.is_being_changed)
        argv = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh", str(PROGRAM), "renew", "--wait", "3m",
                "--config", str(shared.config)]
        other = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        assert other.returncode == 0, other
        assert shared.sql("SELECT host FROM lease WHERE name = 'leader'") == [("elsewhere",)]
    finally:
        process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=180)[0]
    # It leads no more, files what it was asked for as a request, and follows that.
    assert process.returncode == 0 and "is filed" in said and "held by" in said, said
    assert shared.sql("SELECT count(*) FROM orders WHERE outcome <> 'issued'") == [("0",)], said
    shared.run("renew", check=0)
    assert shared.sql("SELECT count(*) FROM certificate") == [("8",)], said


def test_process_that_stands_still_in_the_middle_of_a_change_makes_nobody_else_fail(shared, pebble, bind):
    shared.write(pebble, bind)
    shared.run("init", check=0)
    for i in range(3):
        shared.set(f"m{i}", [f"m{i}.middle.example.com"])
    still = subprocess.Popen([str(PROGRAM), "renew", "--config", str(shared.config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=dict(os.environ, CHANCERY_FAILPOINT="store.commit.fail=sleep:20000@12"))
    wait_until("an order is open", lambda: shared.sql("SELECT count(*) FROM orders") != [("0",)], 60)
    wait_until("it stands still", lambda: shared.is_being_changed() and not time.sleep(0.5) and shared.is_being_changed(), 20)
    asked = time.monotonic()
    late = shared.run("issue", "m1", "--wait", "1s", check=3)
    assert "is filed" in late.err, late
    assert time.monotonic() - asked < 6, late
    said = still.communicate(timeout=60)[0]
    assert still.returncode == 5 and "stood still in the middle of a change" in said, said
    shared.run("renew", check=0)
    assert shared.sql("SELECT count(*) FROM certificate") == [("3",)], said
    assert shared.sql("SELECT count(*) FROM request WHERE done_at_ms IS NULL") == [("0",)]


def test_server_that_goes_away_costs_the_run_and_nothing_else(shared, server, pebble, bind):
    shared.write(pebble, bind)
    shared.run("init", check=0)
    for i in range(6):
        shared.set(f"g{i}", [f"g{i}.gone.example.com"])
    process = subprocess.Popen([str(PROGRAM), "renew", "--config", str(shared.config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until("an order is open", lambda: shared.sql("SELECT count(*) FROM orders") != [("0",)], 60)
    server.kill()
    server.start()
    said = process.communicate(timeout=180)[0]
    assert process.returncode in (0, 5), said
    shared.run("renew", "--wait", "2m", check=0)
    assert shared.sql("SELECT count(*) FROM certificate WHERE current = 1") == [("6",)], said
    assert shared.sql("SELECT set_name FROM certificate GROUP BY set_name HAVING count(*) > 1") == [], said


def test_server_that_cannot_be_reached_is_told(shared, server, pebble, bind):
    shared.url = "postgresql://chancery@127.0.0.1:1/nowhere"
    shared.write(pebble, bind)
    told = shared.run("renew", check=5)
    assert "cannot be reached" in told.err and "127.0.0.1" in told.err, told
