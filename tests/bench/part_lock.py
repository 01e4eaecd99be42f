"""Part 6: the lock over HTTP at 1,000 operations a second beside 1,000 orders, and what clients that mean harm cost the leader."""
import hashlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench_table import Table
from bench_world import PROGRAM, FakeCa, FakeDns, Site, free_port, median, wait_until

N_SETS, RATE, N_CONNECTIONS, SECONDS = 1000, 1000, 64, 15
TOKEN = "chy_bench_0123456789abcdef"


class Daemon:
    def __init__(self, site, port):
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        with open(site.config, "a") as config:
            config.write(f"http: {{listen: '127.0.0.1:{port}', tokens: [{{name: bench, sha256: {digest}, names: ['*'], may: [lock, metrics]}}]}}\n")
        self.site, self.port, self.log = site, port, site.folder / "serve.log"
        self.begin = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(PROGRAM), "serve", "--config", str(site.config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until("serve leads", lambda: b"leads" in self.log.read_bytes(), 60)

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def issued(self):
        return self.site.sql("SELECT count(*) FROM certificate")[0][0]

    def wait_issued(self, n, timeout=300):
        wait_until(f"{n} certificates", lambda: self.issued() >= n, timeout)
        return time.monotonic() - self.begin

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Client:
    """One connection: takes its lock, releases it, takes it again."""

    def __init__(self, port, i):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        head = f"/v1/locks/lock{i}.other.example HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
        self.take, self.drop, self.fencing, self.due, self.heard = b"POST " + head + b"Content-Length: 0\r\n\r\n", b"DELETE " + head, None, None, b""

    def send(self, due):
        self.due, self.heard = due, b""
        if self.fencing is None:
            self.socket.send(self.take)
        else:
            body = b'{"fencing": %d}' % self.fencing
            self.socket.send(self.drop + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def hear(self):
        """True when the answer is whole."""
        self.heard += self.socket.recv(65536)
        end = self.heard.find(b"\r\n\r\n")
        if end < 0:
            return False
        status, body = self.heard[9:12], self.heard[end + 4:]
        if status == b"204":
            self.fencing = None
        elif status == b"201" and body.endswith(b"}\n"):
            self.fencing = json.loads(body)["fencing"]
        elif status == b"201":
            return False
        else:
            raise RuntimeError(self.heard.decode(errors="replace"))
        return True


def load(port, rate, seconds):
    """Operations begin by the clock, not when the one before is over; latency counts from when each was due. [when due on the monotonic clock, milliseconds]"""
    idle = [Client(port, i) for i in range(N_CONNECTIONS)]
    selector, times = selectors.DefaultSelector(), []
    for client in idle:
        selector.register(client.socket, selectors.EVENT_READ, client)
    begin = time.monotonic()
    n, total, n_busy = 0, int(rate * seconds), 0
    while n < total or n_busy > 0:
        now = time.monotonic()
        while n < total and begin + n / rate <= now and idle:
            idle.pop(0).send(begin + n / rate)
            n, n_busy = n + 1, n_busy + 1
        pause = begin + n / rate - now if n < total and idle else 1.0
        for key, _ in selector.select(max(pause, 0)):
            client = key.data
            if client.due is not None and client.hear():
                times.append((client.due, (time.monotonic() - client.due) * 1000))
                client.due, n_busy = None, n_busy - 1
                idle.append(client)
    for client in selector.get_map().values():
        client.data.socket.close()
    return times, total / (time.monotonic() - begin)


def quantiles(times, until):
    """Of those that were due up to then."""
    found = sorted(ms for due, ms in times if due <= until)
    return {"p50_ms": found[len(found) // 2], "p99_ms": found[len(found) * 99 // 100], "max_ms": found[-1], "n": len(found)}


class Swarm:
    """Silent, slow, greedy, noisy and half-open connections, and some that nobody knows, renewed as they are cut off. None of them asks anything that it may ask:
    that would be work, not a nuisance."""

    def __init__(self, port, n=200):
        self.port, self.over, self.n = port, threading.Event(), n
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def one(self, i):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        s.setblocking(False)
        head = b"POST /v1/locks/x.example HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
        s.send([b"", b"GET / HTTP/1.1\r\nX: ", head + b"Content-Length: 60000\r\n\r\n{", head + b"X: " + b"a" * 20000, os.urandom(400),
                head, head.replace(b"chy_", b"chy_not_") + b"\r\n"][i % 7])
        if i % 7 >= 5:
            s.shutdown(socket.SHUT_WR)
        return s

    def run(self):
        sockets = {}
        while not self.over.wait(0.05):
            for i in range(self.n):
                try:
                    if i not in sockets:
                        sockets[i] = self.one(i)
                    elif i % 7 == 1:
                        sockets[i].send(b"a")
                    elif sockets[i].recv(4096) == b"":
                        sockets.pop(i).close()
                except BlockingIOError:
                    pass
                except OSError:
                    if i in sockets:
                        sockets.pop(i).close()
        for s in sockets.values():
            s.close()

    def stop(self):
        self.over.set()
        self.thread.join()


def loaded(port, seconds, ret):
    """In a process of its own: this one must not share an interpreter with whatever else is measured."""
    done = subprocess.run([sys.executable, "-B", __file__, str(port), str(RATE), str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    ret.update(json.loads(done.stdout))  # CLOCK_MONOTONIC is one for all processes


def one_run(scratch, n_sets, with_locks, with_swarm, validate_ms=0):
    dns = FakeDns(scratch.new("dns") / "d")
    ca = FakeCa(scratch.new("ca"), dns=dns.address, retry_after_s=0, validate_ms=validate_ms, issue_ms=0)
    site = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns).add_sets(n_sets, 1)
    daemon = Daemon(site, free_port())
    swarm = Swarm(daemon.port) if with_swarm else None
    figures, heard = {}, {}
    try:
        if with_locks:
            threads = [threading.Thread(target=loaded, args=(daemon.port, SECONDS, heard))]
            threads[0].start()
        figures["issue_s"] = daemon.wait_issued(n_sets) if n_sets else None
        issued_at = time.monotonic() if n_sets else float("inf")
        if with_locks:
            threads[0].join()
            figures |= {"rate": heard["rate"]} | quantiles(heard["times"], issued_at)
        figures["cpu_s"] = daemon.cpu_s()
        return figures
    finally:
        if swarm:
            swarm.stop()
        daemon.stop()
        ca.stop()
        dns.stop()


CELLS = [("locks alone", 0, True, False, 0), ("orders alone", N_SETS, False, False, 0), ("locks and orders", N_SETS, True, False, 0),
         ("locks, CA takes a second", N_SETS, True, False, 1000), ("orders and a swarm", N_SETS, False, True, 0)]


def run(scratch, runs):
    table = Table(6, f"the lock over HTTP: {RATE} operations a second from {N_CONNECTIONS} connections; {N_SETS} orders; 200 hostile clients", {
        "what": "what", "rate": "ops/s", "n": "ops timed", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "max_ms": "max ms", "issue_s": "all issued after s",
        "slower": "orders slower by %", "cpu_s": "CPU s of serve"})
    table.notes = ["An operation is taking or releasing a lock: one durable commit of many, and its answer. It begins by the clock and is timed from when it was due.",
                   "Beside orders only the operations that were due while orders were under way are timed.",
                   "The client, the CA and the DNS server run on the same cores."]
    alone = None
    for what, n_sets, with_locks, with_swarm, validate_ms in CELLS:
        # A run of three seconds varies by a tenth.
        n_runs = runs if with_locks else max(runs, 5)
        got = [one_run(scratch, n_sets, with_locks, with_swarm, validate_ms) for _ in range(n_runs)]
        figures = {key: median([g[key] for g in got]) for key in got[0] if got[0][key] is not None}
        if what == "orders alone":
            alone = figures["issue_s"]
        slower = (figures["issue_s"] / alone - 1) * 100 if alone and "issue_s" in figures and validate_ms == 0 and what != "orders alone" else None
        bar, met = None, None
        if with_locks:
            bar, met = "p99 <= 20 ms", figures["p99_ms"] <= 20 and figures["rate"] >= RATE * 0.99
        elif with_swarm:
            bar, met = "orders slower by <= 10 %", slower <= 10
        table.add(what=what, slower=slower, bar=bar, met=met, **figures)
    return table


if __name__ == "__main__":
    found, reached = load(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({"rate": reached, "times": found}))
