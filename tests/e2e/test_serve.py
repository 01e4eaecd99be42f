"""The daemon: it works without being asked, takes up what is changed, stands by, and ends when it shall."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import PROGRAM, Office
from servers import free_port, wait_until
from test_stop import MOST_SECONDS, Silent

SAME_HOST_S = 2.0  # work goes on within
SLACK_S = 2.0      # this machine may be busy


class Manager:
    """What a service manager hears: datagrams of a socket in NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path, self.heard, self.stopping = str(folder / "notify"), [], False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.2)
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.stopping:
            try:
                self.heard.append((time.monotonic(), self.socket.recv(4096).decode()))
            except TimeoutError:
                pass

    def has(self, start):
        return any(text.startswith(start) for _, text in self.heard)

    def close(self):
        self.stopping = True
        self.thread.join()
        self.socket.close()


class Daemon:
    """`chancery serve`, its words in a file."""

    n = 0

    def __init__(self, office, env=None, wrap=(), config=None):
        Daemon.n += 1
        self.office, self.log = office, office.folder / f"serve{Daemon.n}.log"
        argv = [*wrap, str(PROGRAM), "serve", "--config", str(config or office.config)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        return self.log.read_text(errors="replace")

    def says(self, pattern, seconds=20.0, times=1):
        def check():
            assert self.process.poll() is None, self.said()
            return len(re.findall(pattern, self.said())) >= times
        try:
            wait_until(f"serve says {pattern}", check, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.said()}") from None
        return self

    def hup(self, pattern, times=1):
        before = len(re.findall(pattern, self.said()))
        self.process.send_signal(signal.SIGHUP)
        return self.says(pattern, times=before + times)

    def stop(self, most_s=MOST_SECONDS, code=0):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there after 30 s\n{self.said()}") from None
        took = time.monotonic() - begin
        assert took <= most_s, f"{took:.1f} s\n{self.said()}"
        assert self.process.returncode == code, (self.process.returncode, self.said())
        assert "Sanitizer" not in self.said(), self.said()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def daemons():
    """start(office, ...): ended with the test, whatever came of it."""
    started = []

    def start(office, **how):
        started.append(Daemon(office, **how))
        return started[-1]

    yield start
    for daemon in started:
        daemon.kill()


@pytest.fixture
def silent():
    server = Silent()
    yield server
    server.close()


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path)
    yield one
    one.close()


def has_certificate(office, name, version=1):
    row = office.current(name)
    return row is not None and int(row[1]) >= version


def events(office, name):
    return [row[0] for row in office.sql("SELECT text FROM event WHERE event = ? ORDER BY id", name)]


# ---- the work ----


def test_serve_when_something_is_due_then_done_and_the_manager_is_told(office, pebble, bind, daemons, manager):
    office.write(pebble, bind)
    office.set("www", ["www.example.com"], f"deploy:\n  - files: {{dir: '{office.folder}/live'}}\n    activate: [/bin/true]\n")
    office.run("init", check=0)
    daemon = daemons(office, env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000000", "JOURNAL_STREAM": "1:1"})
    wait_until("delivered", lambda: (office.folder / "live/current/fullchain.pem").exists(), 60)
    assert manager.has("READY=1")
    wait_until("the manager hears who leads", lambda: manager.has("STATUS=leads"))
    wait_until("signs of life", lambda: sum(text == "WATCHDOG=1" for _, text in manager.heard) >= 4)
    # For the journal: plain lines without a time of their own.
    assert re.search(r"(?m)^serve: leads$", daemon.said()), daemon.said()
    # Idle: nothing is written.
    wait_until("at rest", lambda: bind.all_txt() == [])
    count = office.sql("SELECT count(*) FROM event")
    # Due again, because its file wants something else; nobody starts `renew`.
    office.set("www", ["www.example.com", "web.example.com"], f"deploy:\n  - files: {{dir: '{office.folder}/live'}}\n    activate: [/bin/true]\n")
    assert office.sql("SELECT count(*) FROM event") == count
    daemon.hup(r"reload: .*1 changed, 0 removed, 0 broken")
    assert manager.has("RELOADING=1\nMONOTONIC_USEC=")
    wait_until("renewed", lambda: has_certificate(office, "www", 2), 60)
    daemon.stop()
    assert manager.has("STOPPING=1")
    assert office.sql("SELECT holder FROM lease WHERE name = 'leader'") == [(None,)]


def test_serve_when_the_configuration_cannot_be_used_at_the_start_then_2_and_the_line(office, bind, pebble, daemons):
    office.write(pebble, bind, extra="unheard_of: 1")
    result = office.run("serve", timeout=20)
    assert result.code == 2 and re.search(r"chancery\.yaml:\d+:\d+: .*unheard_of", result.err), result
    office.write(pebble, bind)
    result = office.run("serve", timeout=20)
    assert result.code == 5 and "chancery init" in result.err, result


def test_serve_when_nothing_is_due_then_it_sleeps(office, daemons):
    """The lead is renewed every ten seconds; beside that nothing is written and hardly anything looked at."""
    office.write(authorities="  none: {directory: https://127.0.0.1:1/dir}", providers="  none: {type: exec, zones: [example.com], argv: [/bin/false]}")
    office.run("init", check=0)
    daemon = daemons(office).says("serve: leads")
    time.sleep(1.5)
    n_written = office.database.writes_counter()

    def figures():
        status = open(f"/proc/{daemon.pid}/status").read()
        cpu_ns = int(open(f"/proc/{daemon.pid}/schedstat").read().split()[0])
        return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status)[1]), cpu_ns / 1e6, n_written()

    before = figures()
    time.sleep(5.0)
    wakeups, cpu_ms, n_writes = (b - a for a, b in zip(before, figures()))
    print(f"\nin 5 s: {wakeups} wakeups, {cpu_ms:.1f} ms of CPU, {n_writes} times written")
    assert wakeups <= 60 and cpu_ms <= 100 and n_writes <= 1
    daemon.stop()


# ---- reload ----


def test_hup_when_set_files_come_change_break_and_go_then_each_costs_only_itself(office, pebble, bind, daemons):
    office.write(pebble, bind)
    for name in ("a", "b", "c"):
        office.set(name, [f"{name}.example.com"])
    office.run("init", check=0)
    daemon = daemons(office)
    for name in ("a", "b", "c"):
        wait_until(f"{name} has one", lambda n=name: has_certificate(office, n), 60)
    office.set("a", ["a.example.com", "aa.example.com"])
    (office.folder / "sets.d" / "b.yaml").write_text("names: [b.example.com\n")
    (office.folder / "sets.d" / "c.yaml").unlink()
    office.set("d", ["d.example.com"])
    daemon.hup(r"reload: .*set files were changed; 3 sets, 3 changed, 1 removed, 1 broken")
    wait_until("a has another", lambda: has_certificate(office, "a", 2), 60)
    wait_until("d has one", lambda: has_certificate(office, "d"), 60)
    assert int(office.current("b")[1]) == 1 and int(office.current("c")[1]) == 1
    assert any("b.yaml:" in text for text in events(office, "set.broken"))
    office.set("b", ["b.example.com", "bb.example.com"])
    daemon.hup(r"reload: .*1 changed, 0 removed, 0 broken")
    wait_until("b has another", lambda: has_certificate(office, "b", 2), 60)
    assert daemon.hup("reload: nothing was changed")
    daemon.stop()
    assert bind.all_txt() == []
    assert office.sql("SELECT count(*) FROM certificate WHERE set_name = 'c'") == [(1,)]


def test_hup_when_the_main_file_is_broken_then_the_old_stays_and_the_line_is_named(office, pebble, bind, daemons, manager):
    office.write(pebble, bind)
    good = office.config.read_text()
    office.set("a", ["a.example.com"])
    office.run("init", check=0)
    daemon = daemons(office, env={"NOTIFY_SOCKET": manager.path})
    wait_until("a has one", lambda: has_certificate(office, "a"), 60)
    broken = good.replace("agree_tos: true", "agree_tos: perhaps")
    line = next(i for i, text in enumerate(broken.splitlines(), 1) if "agree_tos" in text)
    office.config.write_text(broken)
    office.set("b", ["b.example.com"])
    daemon.hup(rf"reload: .*chancery\.yaml:{line}:\d+: .*agree_tos.*stays in force")
    wait_until("systemctl status tells it", lambda: manager.has("STATUS=leads; configuration in force since") and
               any("a changed one was refused" in text for _, text in manager.heard))
    daemon.hup(r"reload: .*stays in force")
    # Told once in the history, and nothing of it was taken up: not the new set either.
    assert len(events(office, "config.refused")) == 1 and f"chancery.yaml:{line}:" in events(office, "config.refused")[0]
    assert office.sql("SELECT name FROM domain_set") == [("a",)]
    # The old one works on.
    office.config.write_text(good + "\n# mended\n")
    daemon.hup(r"reload: .*set files were changed; 2 sets, 1 changed")
    wait_until("b has one", lambda: has_certificate(office, "b"), 60)
    # What only a restart changes is told, and stays.
    office.config.write_text(good.replace(office.database.setting, "sqlite:other.db"))
    daemon.hup(r"reload: store: stays .* until chancery is restarted")
    assert not (office.folder / "other.db").exists()
    # `status` tells what is not taken up yet.
    office.config.write_text(good)
    daemon.hup(r"reload: .*its changes are in force")
    before = office.run("status", "--json", check=0).json()
    assert before["config_changed"] is False
    office.config.write_text(good + "\ndnssec: {check: false}\n")
    assert "a HUP to the daemon takes it up" in office.run("status", check=0).out
    assert office.run("status", "--json").json()["config_changed"] is True
    office.set("c", ["c.example.com"])
    daemon.hup(r"reload: .*its changes are in force; 3 sets, 1 changed")
    after = office.run("status", "--json").json()
    assert after["config_changed"] is False and after["config_in_force_since_at"] >= before["config_in_force_since_at"]
    wait_until("c has one", lambda: has_certificate(office, "c"), 60)
    daemon.stop()


def test_hup_when_an_order_is_under_way_then_it_keeps_its_names_and_a_removed_set_ends(office, pebble, bind, daemons, silent):
    """The zone server takes no update, so both orders wait with their TXT records wished for."""
    office.write(pebble, bind)
    good = office.config.read_text()
    office.config.write_text(good.replace(f"server: '{bind.address}:{bind.port}'", f"server: '127.0.0.1:{silent.port}'"))
    office.set("stay", ["stay.example.com"])
    office.set("gone", ["gone.example.com"])
    office.run("init", check=0)
    daemon = daemons(office)
    wait_until("wished for", lambda: office.sql("SELECT count(*) FROM txt WHERE wish = 'present'")[0][0] > 0, 30)
    wait_until("asked", silent.heard.is_set)
    before = office.sql("SELECT id, set_name, names FROM orders WHERE outcome = 'open' ORDER BY id")
    (office.folder / "sets.d" / "gone.yaml").unlink()
    office.config.write_text(good)
    daemon.hup(r"reload: .*its changes are in force; 1 sets, 0 changed, 1 removed, 0 broken")
    wait_until("stay has one", lambda: has_certificate(office, "stay"), 60)
    wait_until("all TXT are gone", lambda: office.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") == [(0,)], 30)
    daemon.stop()
    after = office.sql("SELECT id, set_name, names FROM orders ORDER BY id")
    assert after[:len(before)] == before, "an order has other names than it began with"
    assert office.current("gone") is None
    assert [row[1] for row in after].count("stay") == 1
    assert bind.all_txt() == []


def test_request_when_it_was_filed_under_a_newer_configuration_then_that_is_taken_up_first(office, pebble, bind, daemons):
    """Nobody sends a HUP: who files the request has read chancery.yaml by himself."""
    office.write(pebble, bind)
    office.set("a", ["a.example.com"])
    office.run("init", check=0)
    text = office.config.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  pebble:"))
    daemon = daemons(office).says("a: order: issued")
    office.config.write_text(text.replace(line, line + "\n" + line.replace("  pebble:", "  second:").replace("contact: [mailto:ops@example.com], ", "")))
    office.set("b", ["b.example.com"], "authority: second")
    office.run("issue", "b", check=0)
    assert has_certificate(office, "b") and "its changes are in force" in daemon.said()
    assert office.sql("SELECT n_failures FROM domain_set WHERE name = 'b'") == [(0,)]
    daemon.stop()


# ---- standing by ----


def test_standby_when_the_leader_is_killed_then_it_goes_on_at_once(office, pebble, bind, daemons):
    office.write(pebble, bind)
    office.run("init", check=0)
    leader = daemons(office).says("serve: leads")
    other = daemons(office).says(rf"serve: stands by: .*pid {leader.pid}")
    office.set("www", ["www.example.com"])
    leader.process.kill()
    killed = time.monotonic()
    other.says("serve: leads", seconds=SAME_HOST_S + SLACK_S)
    print(f"\nSQLite: leads {time.monotonic() - killed:.2f} s after the kill")
    wait_until("what was due is done", lambda: has_certificate(office, "www"), 60)
    # Whoever comes back stands by; whoever ends hands over.
    third = daemons(office).says(rf"serve: stands by: .*pid {other.pid}")
    other.stop()
    third.says("serve: leads", seconds=SAME_HOST_S + SLACK_S)
    third.stop()


class Shared(Office):
    def __init__(self, folder, server, name):
        super().__init__(folder)
        self.server, self.name, self.url = server, name, server.database(name)

    def write(self, *args, **kwargs):
        self.database.setting = self.url
        return super().write(*args, **kwargs)

    def sql(self, query, *arguments):
        for argument in arguments:
            query = query.replace("?", "'" + str(argument) + "'", 1)
        return [tuple(row) for row in self.server.sql(query, self.name)]


def elsewhere(name):
    return ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", f'hostname {name} && exec "$@"', "sh"]


def test_standby_on_postgresql_when_the_leader_is_killed_then_at_once_here_and_after_the_lease_elsewhere(tmp_path, server, pebble, bind, daemons):
    office = Shared(tmp_path / "office", server, "serve_standby")
    office.write(pebble, bind)
    office.run("init", check=0)
    leader = daemons(office).says("serve: leads")
    here = daemons(office).says(rf"serve: stands by: .*pid {leader.pid}")
    leader.process.kill()
    leader.process.wait()
    killed = time.monotonic()
    here.says("serve: leads", seconds=SAME_HOST_S + SLACK_S)
    print(f"\nPostgreSQL, same host: leads {time.monotonic() - killed:.2f} s after the kill")
    there = daemons(office, wrap=elsewhere("elsewhere")).says(rf"serve: stands by: .*pid {here.pid}")
    here.process.kill()
    here.process.wait()
    # As if it had confirmed its lead 27 s before it was killed: 3 s are left.
    office.sql("UPDATE lease SET expires_at_ms = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 3000,"
               " expires_boot_ms = expires_boot_ms - 27000 WHERE name = 'leader' RETURNING name")
    killed = time.monotonic()
    there.says("serve: leads", seconds=3 + SAME_HOST_S + SLACK_S)
    took = time.monotonic() - killed
    print(f"PostgreSQL, another host: leads {took:.2f} s after the kill, with 3 s of the lease left")
    assert took > 1.5, "another host must wait for the lease"
    office.set("www", ["www.example.com"])
    there.kill()


# ---- the end ----


def mute_authority(silent):
    return f"  mute: {{directory: 'http://127.0.0.1:{silent.port}/dir', agree_tos: true}}"


def test_stop_when_the_ca_says_nothing_then_soon(office, bind, silent, daemons):
    office.write(bind=bind, authorities=mute_authority(silent))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    daemon = daemons(office)
    wait_until("asked", silent.heard.is_set)
    daemon.stop()
    assert office.sql("SELECT holder FROM lease WHERE name = 'leader'") == [(None,)]


def test_stop_when_the_zone_server_says_nothing_then_soon(office, bind, pebble, silent, daemons):
    office.write(pebble, bind)
    office.config.write_text(office.config.read_text().replace(f"server: '{bind.address}:{bind.port}'", f"server: '127.0.0.1:{silent.port}'"))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    daemon = daemons(office)
    wait_until("asked", silent.heard.is_set, 30)
    daemon.stop()


def test_stop_when_http_clients_hang_then_soon(office, daemons):
    port = free_port()
    office.write(authorities="  none: {directory: https://127.0.0.1:1/dir}", providers="  none: {type: exec, zones: [example.com], argv: [/bin/false]}",
                 extra=f"http: {{listen: '127.0.0.1:{port}'}}")
    office.run("init", check=0)
    daemon = daemons(office).says(rf"answers HTTP at 127.0.0.1:{port}").says("serve: leads")
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
    for client, text in zip(clients, [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"POST /v1/locks/a.example.com HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{",
                                      b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01"]):
        client.sendall(text)
    time.sleep(0.3)
    daemon.stop()
    for client in clients:
        client.close()


def test_stop_when_it_stands_by_then_soon(office, bind, pebble, daemons):
    office.write(pebble, bind)
    office.run("init", check=0)
    leader = daemons(office).says("serve: leads")
    standby = daemons(office).says("serve: stands by")
    standby.stop(most_s=2.0)
    leader.stop(most_s=2.0)


def test_stop_when_the_store_is_locked_then_soon(office, bind, pebble, daemons):
    office.write(pebble, bind)
    office.run("init", check=0)
    daemon = daemons(office).says("serve: leads")
    with office.database.writers_held():
        # Something to write is due, so that it really waits for the lock.
        office.set("www", ["www.example.com"])
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(2.0)
        daemon.stop()


def test_stop_when_the_store_is_locked_at_the_start_then_soon(office, bind, pebble, daemons):
    office.write(pebble, bind)
    office.run("init", check=0)
    with office.database.writers_held():
        daemon = daemons(office).says("serve: chancery")
        time.sleep(1.5)
        daemon.stop()


def test_stop_when_a_reload_waits_for_what_is_under_way_then_soon(office, bind, silent, daemons):
    office.write(bind=bind, authorities=mute_authority(silent))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    daemon = daemons(office)
    wait_until("asked", silent.heard.is_set)
    office.set("web", ["web.example.com"])
    daemon.process.send_signal(signal.SIGHUP)
    time.sleep(1.0)
    daemon.stop()


def test_stop_when_signalled_twice_then_at_once(office, bind, silent, daemons):
    office.write(bind=bind, authorities=mute_authority(silent))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    daemon = daemons(office)
    wait_until("asked", silent.heard.is_set)
    begin = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.wait(30)
    assert time.monotonic() - begin < 1.5
    assert daemon.process.returncode == 128 + signal.SIGTERM


def test_store_when_it_is_locked_for_a_while_then_outlived(office, bind, pebble, daemons):
    office.write(pebble, bind)
    office.run("init", check=0)
    daemon = daemons(office).says("serve: leads")
    office.set("www", ["www.example.com"])
    with office.database.writers_held():
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(3.0)
    wait_until("the reload that was asked for is done", lambda: has_certificate(office, "www"), 60)
    daemon.stop()
