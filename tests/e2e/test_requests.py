"""One leads, others ask: requests are filed, followed, outlive leader and follower, and several that want the same get one piece of work."""
import re
import signal
import subprocess
import time

import pytest

import stores
from conftest import PROGRAM, Office, Result
from postgresql import Postgresql
from servers import wait_until


class Helper:
    """A chancery in the background, its words in files."""

    n = 0

    def __init__(self, office, *argv):
        Helper.n += 1
        self.out, self.err = (office.folder / f"helper{Helper.n}.{end}" for end in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(PROGRAM), *argv, "--config", str(office.config)], stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL)

    def says(self, pattern, seconds=30):
        def check():
            assert self.process.poll() is None or re.search(pattern, self.words()), self.words()
            return re.search(pattern, self.words())
        wait_until(f"{pattern} in {self.words()}", check, seconds)

    def words(self):
        return self.err.read_text(errors="replace")

    def end(self, code=0, seconds=60):
        self.process.wait(seconds)
        result = Result(self.process)
        result.code, result.out, result.err = self.process.returncode, self.out.read_text(), self.words()
        assert result.code == code, f"{result.code}\n{result.out}\n{result.err}"
        assert "Sanitizer" not in result.err, result
        return result

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def start():
    helpers = []

    def make(office, *argv):
        helpers.append(Helper(office, *argv))
        return helpers[-1]

    yield make
    for helper in helpers:
        helper.kill()


def slow(office, name, names):
    """A set whose target is activated only when the file <name>.go is there."""
    go, script = office.folder / f"{name}.go", office.folder / f"{name}.sh"
    script.write_text(f"#!/bin/sh\ntouch {office.folder}/{name}.waits\nwhile [ ! -e {go} ]; do sleep 0.05; done\n")
    script.chmod(0o755)
    office.set(name, names, f"deploy:\n  - files: {{dir: live-{name}}}\n    activate: [{script}]\n")
    return go


def plain(office, name, names):
    office.set(name, names, f"deploy:\n  - files: {{dir: live-{name}}}\n")


def waits(office, name):
    wait_until(f"{name} is being activated", (office.folder / f"{name}.waits").exists, 40)


def n_certificates(office, name):
    return office.sql("SELECT count(*) FROM certificate WHERE set_name = ?", name)[0][0]


def n_open(office):
    return office.sql("SELECT count(*) FROM request WHERE done_at_ms IS NULL")[0][0]


@pytest.fixture
def world(office, pebble, bind):
    office.write(pebble, bind)
    office.run("init", check=0)
    return office


def test_request_when_another_leads_then_it_is_carried_out_and_told_as_ones_own(world, start):
    go = slow(world, "slow", ["slow.example.com"])
    leader = start(world, "renew")
    waits(world, "slow")
    plain(world, "shop", ["shop.example.com"])
    # Two at once for one set are one piece of work. The leader looks when both are there.
    stores.freeze_between_changes(leader.process, world.database.is_being_changed)
    asked = [start(world, "issue", "shop", "--json"), start(world, "issue", "shop", "--json")]
    wait_until("both are filed", lambda: n_open(world) == 2, 25)
    leader.process.send_signal(signal.SIGCONT)
    for one in asked:
        result = one.end(0)
        assert result.json()["issued"] == 1, result
        assert result.json()["delivered"] == 1, result
        assert re.search(r"request \d+ is filed: the lease .leader. is held by `renew`, pid \d+", result.err), result
        assert "certificate.issued" in result.err, result
    assert n_certificates(world, "shop") == 1 and n_open(world) == 0
    assert leader.process.poll() is None, leader.words()
    # Nobody waits: nothing is filed.
    refused = world.run("issue", "shop", "--no-wait", check=3)
    assert "held by `renew`" in refused.err and n_open(world) == 0
    # What takes longer than one waits stays.
    late = world.run("deploy", "slow", "--force", "--wait", "1s", check=3)
    assert re.search(r"request \d+ was not done within 1s.*`renew`, pid \d+.*The request stays", late.err), late
    assert n_open(world) == 1
    go.touch()
    leader.end(0)
    assert n_open(world) == 0 and n_certificates(world, "slow") == 1


def test_request_when_the_leader_is_killed_then_who_waits_goes_on_and_nothing_is_issued_twice(world, start):
    go = slow(world, "slow", ["slow.example.com"])
    other = slow(world, "shop", ["shop.example.com"])
    other.touch()
    leader = start(world, "renew", "slow")
    waits(world, "slow")
    other.unlink()
    (world.folder / "shop.waits").unlink(missing_ok=True)
    asking = start(world, "issue", "shop", "--json")
    waits(world, "shop")
    assert n_certificates(world, "shop") == 1 and asking.process.poll() is None
    leader.process.send_signal(signal.SIGKILL)
    leader.process.wait()
    killed = time.monotonic()
    wait_until("the follower leads", lambda: world.sql("SELECT pid FROM lease WHERE name = 'leader' AND holder IS NOT NULL") == [(asking.process.pid,)],
               20)
    assert time.monotonic() - killed < 10
    go.touch()
    other.touch()
    result = asking.end(0)
    assert result.json()["issued"] == 1 and result.json()["delivered"] == 1, result
    assert n_certificates(world, "shop") == 1 and n_open(world) == 0


def test_request_when_who_waits_is_interrupted_then_it_stays_and_is_done(world, start):
    go = slow(world, "slow", ["slow.example.com"])
    leader = start(world, "renew")
    waits(world, "slow")
    plain(world, "shop", ["shop.example.com"])
    asking = start(world, "deploy", "slow", "--force")
    asking.says(r"request \d+ is filed")
    asking.process.send_signal(signal.SIGINT)
    result = asking.end(1)
    assert re.search(r"stopped; request \d+ stays: whoever leads carries it out", result.err), result
    assert n_open(world) == 1
    # Cron comes by: what is due is done beside it, and it follows until then.
    cron = start(world, "renew")
    cron.says(r"request \d+ is filed")
    wait_until("shop is issued", lambda: n_certificates(world, "shop") == 1, 40)
    go.touch()
    cron.end(0)
    leader.end(0)
    assert n_open(world) == 0 and n_certificates(world, "slow") == 1


def test_commands_when_the_daemon_leads_then_all_of_them_work(world, start):
    plain(world, "shop", ["shop.example.com"])
    daemon = start(world, "serve")
    wait_until("the daemon issues", lambda: n_certificates(world, "shop") == 1, 40)
    wait_until("it is delivered", lambda: world.sql("SELECT stage FROM deployment") == [("done",)], 20)
    world.run("renew", check=0)
    issued = world.run("issue", "shop", "--json", check=0).json()
    assert issued["issued"] == 1 and n_certificates(world, "shop") == 2, issued
    delivered = world.run("deploy", "shop", "--force", "--json", check=0).json()
    assert delivered["delivered"] == 1 and delivered["issued"] == 0, delivered
    revoked = world.run("revoke", "shop", "--reason", "superseded", "--yes", "--json", check=0).json()
    assert revoked["revoked"] and revoked["replaced"], revoked
    # The account belongs to whoever leads: the daemon steps aside for a moment.
    world.run("account", "update", "pebble", check=0)
    wait_until("the daemon leads again",
               lambda: world.sql("SELECT pid FROM lease WHERE name = 'leader' AND holder IS NOT NULL") == [(daemon.process.pid,)], 20)
    assert world.run("issue", "shop", "--json", check=0).json()["issued"] == 1
    assert n_open(world) == 0
    daemon.process.send_signal(signal.SIGTERM)
    daemon.end(0)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if stores.ON_SERVER:
        pytest.skip("every test of this file runs on a server now")
    server = Postgresql(tmp_path_factory.mktemp("postgresql") / "cluster")
    yield server
    server.stop()


class Shared(Office):
    def __init__(self, folder, server):
        super().__init__(folder)
        self.server, self.url = server, server.database("requests")

    def write(self, *args, **kwargs):
        super().write(*args, **kwargs)
        self.config.write_text(self.config.read_text().replace("sqlite:chancery.db", self.url))

    def sql(self, query, *arguments):
        for argument in arguments:
            query = query.replace("?", f"'{argument}'", 1)
        return [tuple(int(v) if v.isdigit() else v for v in row) for row in self.server.sql(query, "requests")]


def test_request_when_the_store_is_a_server_then_it_is_all_the_same(server, tmp_path, pebble, bind, start):
    office = Shared(tmp_path / "shared", server)
    office.write(pebble, bind)
    office.run("init", check=0)
    go = slow(office, "slow", ["slow.example.com"])
    leader = start(office, "renew")
    waits(office, "slow")
    plain(office, "shop", ["shop.example.com"])
    result = office.run("issue", "shop", "--json", check=0)
    assert result.json()["issued"] == 1 and "is filed" in result.err, result
    asking = start(office, "deploy", "slow", "--force", "--json")
    asking.says(r"request \d+ is filed")
    leader.kill()
    go.touch()
    assert asking.end(0).json()["delivered"] == 1
    assert n_open(office) == 0 and n_certificates(office, "slow") == 1
