"""`store copy`: the register moves between a file and a server and back, whole or not at all."""
import os
import signal
import sqlite3
import subprocess

import pytest
import stores
from conftest import PROGRAM, Office, Result

pytestmark = stores.only("postgresql", "a server to move to is there in that kind of run only")


def run(*argv, env=None):
    return Result(subprocess.run([str(PROGRAM), *map(str, argv)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
                                 env=dict(os.environ, **(env or {}))))


class Dual:
    """An office whose store is a file, and a blank schema."""

    def __init__(self, folder):
        self.office = Office(folder)
        self.server = self.office.database
        self.file = stores.FileStore(folder)

    def write(self, pebble, bind, store):
        self.office.database = store
        self.office.write(pebble, bind)
        return self.office

    @property
    def path(self):
        return f"sqlite:{self.file.path}"


@pytest.fixture
def dual(tmp_path, pebble, bind):
    dual = Dual(tmp_path / "office")
    office = dual.write(pebble, bind, dual.file)
    office.set("shop", ["shop.example.com", "*.shop.example.com"], f"deploy: [{{files: {{dir: '{office.folder}/live'}}}}]")
    office.set("mail", ["mail.example.com"])
    office.run("init", check=0)
    office.run("renew", check=0)
    office.run("renew", "--force", "shop", check=0)
    return dual


def rows(database, tables):
    return {table: sorted(repr(row) for row in database.ask(f'SELECT * FROM "{table}"')) for table in tables}


def tables_of(path):
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    connection.close()
    return names


def idle(office):
    """Nothing is due. The first run notes that chancery.yaml was changed."""
    n = office.sql("SELECT count(*) FROM orders")
    office.run("renew", check=0)
    assert office.run("renew", "--json", check=0).json()["figures"]["commits"] == 0
    assert office.sql("SELECT count(*) FROM orders") == n


CHANGES = ("meta", "event", "lease", "lease_moved")  # the copy tells of itself there; the lead of the source is let go


def test_copy_when_to_a_server_and_back_then_every_row_is_the_same_and_work_goes_on(dual, pebble, bind):
    tables = tables_of(dual.file.path)
    before = rows(dual.file, tables)
    told = run("store", "copy", dual.path, dual.server.setting, "--json")
    assert told.code == 0, told
    assert told.json()["tables"] == len(tables) and told.json()["rows"] == sum(map(len, before.values())), told
    there = rows(dual.server, tables)
    for table in tables:
        if table not in CHANGES:
            assert there[table] == before[table], table
    assert set(before["event"]) < set(there["event"])
    leases = {name: fencing for name, fencing in dual.server.ask("SELECT name, fencing FROM lease")}
    assert leases["leader"] > 0 and dual.server.ask("SELECT holder FROM lease WHERE name = 'leader'") == [(None,)]
    # The file is not used by mistake.
    office = dual.office
    refused = office.run("renew", check=5)
    assert "was moved to" in refused.err and dual.server.setting in refused.err, refused
    assert "was moved to" in office.run("status", check=5).err
    # Work goes on where it ended: nothing is due, the sealed keys open, ids go on.
    office = dual.write(pebble, bind, dual.server)
    idle(office)
    office.run("history", "--check", check=0)
    office.run("check", check=0)
    office.run("renew", "--force", "shop", check=0)
    assert office.current("shop")[1] == 3
    newest = dual.server.ask("SELECT fencing FROM lease WHERE name = 'leader'")[0][0]
    assert newest > leases["leader"], "fencing numbers go on"
    # And back, into another file.
    again = stores.FileStore(office.folder / "again")
    again.path.parent.mkdir()
    before = rows(dual.server, tables)
    assert run("store", "copy", dual.server.setting, f"sqlite:{again.path}").code == 0
    there = rows(again, tables)
    for table in tables:
        if table not in CHANGES:
            assert there[table] == before[table], table
    refused = office.run("renew", check=5)
    assert "was moved to" in refused.err and str(again.path) in refused.err, refused
    again.setting = f"sqlite:{again.path}"
    office = dual.write(pebble, bind, again)
    idle(office)
    office.run("renew", "--force", "mail", check=0)
    assert office.current("mail")[1] == 2 and office.current("shop")[1] == 3
    office.run("history", "--check", check=0)
    assert again.is_sound()
    assert (again.path.stat().st_mode & 0o777) == 0o600


def test_copy_when_it_cannot_be_then_nothing_is_changed(dual, tmp_path):
    before = stores.digest(dual.file)
    for argv, part, code in (
            ((dual.path, "mysql://x/y"), "is expected", 2),
            ((dual.path, "postgresql://me:secret@127.0.0.1/x"), "password", 2),
            ((dual.path, dual.path), "the source is the target", 2),
            ((f"sqlite:{tmp_path}/nothing.db", dual.server.setting), "nothing.db", 5),
            ((dual.path, "postgresql://chancery@127.0.0.1:1/x"), "cannot be reached", 5)):
        told = run("store", "copy", *argv)
        assert told.code == code and part in told.err and "secret" not in told.err, told
    # Somebody leads.
    leader = subprocess.Popen([str(PROGRAM), "renew", "--force", "shop", "--config", str(dual.office.config)],
                              env=dict(os.environ, CHANCERY_FAILPOINT="order.send.before=sleep:3000"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stores_wait(lambda: dual.file.ask("SELECT count(*) FROM lease WHERE name = 'leader' AND holder IS NOT NULL") == [(1,)])
        held = run("store", "copy", dual.path, dual.server.setting)
        assert held.code == 3 and str(leader.pid) in held.err, held
    finally:
        leader.wait(60)
    dual.office.run("renew", "--wait", "1m")
    assert run("store", "copy", dual.path, dual.server.setting, "--keep-source").code == 0
    full = run("store", "copy", dual.path, dual.server.setting)
    assert full.code == 2 and "holds" in full.err, full
    dual.office.run("renew", check=0)
    assert before != b""


def stores_wait(check):
    from servers import wait_until
    wait_until("it leads", check, 30)


@pytest.mark.parametrize("point,is_there", [("store.move.before", False), ("store.move.between", True)])
def test_copy_when_killed_then_one_whole_register_is_left(dual, point, is_there):
    killed = run("store", "copy", dual.path, dual.server.setting, env={"CHANCERY_FAILPOINT": f"{point}=kill"})
    assert killed.code == -signal.SIGKILL, killed
    n, = dual.server.ask("SELECT count(*) FROM certificate")[0]
    assert n == (3 if is_there else 0), "all or nothing"
    dual.office.run("renew", check=0)
    again = run("store", "copy", dual.path, dual.server.setting)
    assert again.code == (2 if is_there else 0), again
    assert again.code == 0 or "rows already" in again.err
