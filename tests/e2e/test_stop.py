"""L4: SIGTERM ends a run within five seconds whatever it is waiting for, and the next run goes on."""
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import PROGRAM
from servers import wait_until

MOST_SECONDS = 5.0


class Silent:
    """Takes connections and datagrams, and says nothing."""

    def __init__(self):
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.heard, self.kept, self.stopping = threading.Event(), [], False
        for loop in (self.accept, self.receive):
            threading.Thread(target=loop, daemon=True).start()

    def accept(self):
        while not self.stopping:
            try:
                self.kept.append(self.tcp.accept()[0])
                self.heard.set()
            except OSError:
                return

    def receive(self):
        while not self.stopping:
            try:
                self.udp.recvfrom(65536)
                self.heard.set()
            except OSError:
                return

    def close(self):
        self.stopping = True
        for s in [self.tcp, self.udp, *self.kept]:
            s.close()


@pytest.fixture
def silent():
    server = Silent()
    yield server
    server.close()


def stopped(office, is_there, *argv):
    process = subprocess.Popen([str(PROGRAM), *argv, "--config", str(office.config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, stdin=subprocess.DEVNULL)
    try:
        wait_until("the run hangs where it shall", is_there)
        time.sleep(0.3)
        assert process.poll() is None, process.communicate()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        took = time.monotonic() - begin
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert took <= MOST_SECONDS, f"{took:.1f} s\n{out}\n{err}"
    assert process.returncode == 1, (process.returncode, out, err)
    assert "Sanitizer" not in err, err
    return out + err


def test_stop_when_the_ca_says_nothing_then_soon(office, bind, silent):
    office.write(bind=bind, authorities=f"  mute: {{directory: 'http://127.0.0.1:{silent.port}/dir', agree_tos: true}}")
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    text = stopped(office, silent.heard.is_set, "renew")
    assert "stop" in text
    # The lead was given back: nobody waits for it.
    assert office.sql("SELECT holder FROM lease WHERE name = 'leader'") == [(None,)]


def test_stop_when_a_resolver_says_nothing_then_soon_and_the_next_run_goes_on(office, bind, pebble, silent):
    office.write(pebble, bind)
    good = office.config.read_text()
    office.config.write_text(good.replace(f"resolvers: ['{bind.address}:{bind.port}']", f"resolvers: ['127.0.0.1:{silent.port}']"))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    stopped(office, silent.heard.is_set, "renew")
    office.config.write_text(good)
    office.run("renew", check=0)
    assert bind.all_txt() == []


def test_stop_when_the_zone_server_takes_no_update_then_soon(office, bind, pebble, silent):
    office.write(pebble, bind)
    good = office.config.read_text()
    office.config.write_text(good.replace(f"server: '{bind.address}:{bind.port}'", f"server: '127.0.0.1:{silent.port}'"))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    stopped(office, silent.heard.is_set, "renew")
    office.config.write_text(good)
    office.run("renew", check=0)
    assert bind.all_txt() == []


def test_stop_when_a_program_hangs_then_soon_and_it_is_gone(office, bind, pebble):
    office.write(pebble, bind)
    mark = office.folder / "began"
    script = office.folder / "hang"
    script.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {mark}\nwhile :; do sleep 1; done\n")
    script.chmod(0o755)
    office.set("www", ["www.example.com"], f"deploy:\n  - files: {{dir: live}}\n    activate: [{script}]\n")
    office.run("init", check=0)
    stopped(office, lambda: mark.exists() and mark.read_text().strip(), "renew")
    pid = int(mark.read_text())
    wait_until("the program is gone", lambda: not alive(pid), seconds=5)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_stop_when_an_endpoint_says_nothing_then_soon(office, bind, pebble, silent):
    office.write(pebble, bind)
    office.set("www", ["www.example.com"], f"endpoints:\n  - {{endpoint: 'www.example.com:443', connect: '127.0.0.1:{silent.port}'}}\n")
    office.run("init", check=0)
    stopped(office, silent.heard.is_set, "renew")
    assert office.current("www") is not None


def test_stop_when_a_slow_key_is_made_then_soon(office, bind, pebble):
    office.write(pebble, bind, defaults="defaults: {key: rsa-4096}")
    for i in range(8):
        office.set(f"k{i}", [f"k{i}.example.com"])
    office.run("init", check=0)
    stopped(office, lambda: office.sql("SELECT count(*) FROM orders")[0][0] > 0, "renew")


def test_stop_when_another_leads_then_at_once(office, bind, silent):
    office.write(bind=bind, authorities=f"  mute: {{directory: 'http://127.0.0.1:{silent.port}/dir', agree_tos: true}}")
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    leader = subprocess.Popen([str(PROGRAM), "renew", "--config", str(office.config)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        wait_until("the leader hangs", silent.heard.is_set)
        process = subprocess.Popen([str(PROGRAM), "renew", "--config", str(office.config)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        time.sleep(1)
        assert process.poll() is None
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert time.monotonic() - begin < 2
        # As any run that a signal ended; what it asked for stays.
        assert process.returncode == 1 and f"pid {leader.pid}" in err and "stays" in err, (process.returncode, err)
    finally:
        leader.kill()
        leader.wait()


def test_stop_when_signalled_twice_then_at_once(office, bind, silent):
    office.write(bind=bind, authorities=f"  mute: {{directory: 'http://127.0.0.1:{silent.port}/dir', agree_tos: true}}")
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    process = subprocess.Popen([str(PROGRAM), "renew", "--config", str(office.config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL)
    wait_until("the run hangs", silent.heard.is_set)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert time.monotonic() - begin < 1.5
    assert process.returncode == 128 + signal.SIGTERM
