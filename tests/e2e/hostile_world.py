"""The world of test_hostile_ca: a set that is delivered, a CA that goes bad, and one that is good again.

Each case has a site, a fake CA and, in front of that CA, a *front*: a port that hands connections through to the CA, or does something
worse with them. All cases run at once, since a run that meets a fault mostly waits; what each came to is looked at afterwards.
"""
import base64
import concurrent.futures
import gzip
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import stores
from conftest import BUILD, ROOT
from servers import Server, free_port, make_tls, wait_until

sys.path.insert(0, str(ROOT / "tests/crash"))
from world import FakeCa  # noqa: E402

PROGRAM = (BUILD if BUILD.is_absolute() else ROOT / BUILD) / "chancery"
FOLDER = PROGRAM.parent
MEASURE = FOLDER / "tests/bench/measure"
ZONE = "example.com"
RUN_SECONDS = 240


class FakeDns:
    """One authoritative server that takes unsigned updates, and a resolver over the same zone."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        (folder / "zones.json").write_text(json.dumps({"zones": {ZONE: [["@", "NS", "ns1"], ["ns1", "A", "127.0.0.1"]]}}))
        self.port = free_port()
        self.address, self.resolver = f"127.0.0.1:{self.port}", f"127.0.0.2:{self.port}"
        self.server = Server(folder, [FOLDER / "tests/fakedns/fake-dns", "--listen", self.address, "--update-any",
                                      "--recursive", self.resolver, "--zone", folder / "zones.json"], name="fake-dns")
        wait_until("fake-dns is ready", lambda: "ready" in self.server.log.read_text(), 60)

    def stop(self):
        self.server.stop()


class Papers:
    """Certificates of a CA's own TLS server: a good one, and those no client may accept."""

    def __init__(self, folder: Path):
        self.good, self.stranger = make_tls(folder / "good"), make_tls(folder / "stranger")
        self.other_name, self.expired = make_tls(folder / "other"), make_tls(folder / "expired")
        self.sign(self.other_name, "30", "subjectAltName=DNS:other.example.com\n")
        self.sign(self.expired, "-1", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")

    @staticmethod
    def sign(folder, days, names):
        (folder / "ext").write_text(names)
        subprocess.run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days,
                        "-out", "server.pem", "-extfile", "ext"], check=True, capture_output=True, cwd=folder)

    def trusted(self):
        """All but the stranger's: what is wrong with a paper shall be the only thing that is wrong."""
        return "".join((f / "ca.pem").read_text() for f in (self.good, self.other_name, self.expired))


def tls_server(folder, versions=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if versions:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = versions
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


# ---- what a front does with a connection; each gets the front and the socket ----

def relay(front, client):
    ca = socket.create_connection(("127.0.0.1", front.ca_port))
    for a, b in ((client, ca), (ca, client)):
        threading.Thread(target=pump, args=(a, b), daemon=True).start()


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def silent(front, client):
    front.kept.append(client)


def cut_in_handshake(front, client):
    client.recv(4096)
    client.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
    client.close()


def babble(front, client):
    client.recv(4096)
    client.sendall(b"220 mail.example.com ESMTP\r\n")
    client.close()


def handshake(paper, versions=None):
    def act(front, client):
        try:
            front.kept.append(tls_server(getattr(front.papers, paper), versions).wrap_socket(client, server_side=True))
        except (ssl.SSLError, OSError):
            client.close()
    return act


NONCE = b"Replay-Nonce: bm9uY2Utb2YtdGhlLWZyb250\r\n"


def answer(head, piece=b"", times=1):
    """HTTP/1.1 of our own: nonces as they should be, and to every other request this head and so many pieces; 0: no end of them."""
    def act(front, client):
        try:
            tls = tls_server(front.papers.good).wrap_socket(client, server_side=True)
            while (request := tls.recv(65536)).startswith(b"HEAD "):
                tls.sendall(b"HTTP/1.1 200 OK\r\n" + NONCE + b"\r\n")
            front.heard.append(request.decode(errors="replace"))
            if request:
                tls.sendall(head)
            n = 0
            while request and not front.stopping and (times == 0 or n < times):
                tls.sendall(piece)
                n += 1
            tls.close()
        except (ssl.SSLError, OSError):
            client.close()
    return act


def gzip_bomb():
    """A body that would inflate to 100 MB."""
    body = gzip.compress(b"[" * (100 << 20), 9)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n" + NONCE
    return answer(head + b"Content-Length: %d\r\n\r\n" % len(body), body)


class Front:
    def __init__(self, papers):
        self.papers, self.act, self.kept, self.heard, self.stopping = papers, relay, [], [], False
        self.listener, self.ca_port, self.port = None, 0, 0
        self.open()
        self.base = f"https://127.0.0.1:{self.port}"

    def open(self, backlog=128):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.take, args=(client,), daemon=True).start()

    def take(self, client):
        try:
            self.act(self, client)
        except OSError:
            client.close()

    def close(self):
        # A listener that a thread waits on stays open for it until it is shut down.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it listened to nobody
        self.listener.close()

    def blackhole(self, refuse=False):
        """Nobody accepts and the queue is full: the kernel answers no more SYN."""
        self.close()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        if refuse:  # the port stays ours, so that nobody else takes it meanwhile
            return
        self.listener.listen(0)
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            self.kept.append(s)

    def worsen(self, act):
        if act == "refuse":
            self.blackhole(refuse=True)
        elif act == "blackhole":
            self.blackhole()
        elif act is not None:
            self.act = act

    def mend(self):
        for s in self.kept:
            s.close()
        self.kept = []
        self.act = relay
        self.close()
        self.open()

    def stop(self):
        self.stopping = True
        self.close()
        for s in self.kept:
            s.close()


# ---- one site ----

class Site:
    def __init__(self, folder: Path, name, front, ca, dns, papers):
        self.folder, self.name, self.database = folder, name, stores.make(folder)
        (folder / "sets.d").mkdir(parents=True)
        (folder / "trust.pem").write_text(papers.trusted() + ca.ca_file.read_text())
        self.directory, self.dns = f"{front.base}/directory", dns
        self.configure(self.directory)
        (folder / "sets.d" / f"{name}.yaml").write_text(
            f"names: [{name}.{ZONE}]\ndeploy:\n  - files: {{dir: live}}\n    activate: [/bin/true]\n")
        seal = folder / "seal.key"
        seal.touch(mode=0o600)
        seal.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")

    def configure(self, directory):
        (self.folder / "chancery.yaml").write_text(f"""store: {self.database.setting}
seal: file:seal.key
sets: sets.d/*.yaml
authorities:
  badca: {{directory: {directory}, ca_file: trust.pem, agree_tos: true}}
providers:
  dns: {{type: rfc2136, zones: [{ZONE}], server: '{self.dns.address}', resolvers: ['{self.dns.resolver}'],
    authoritative_port: {self.dns.port}}}
""")

    def run(self, *argv, stop_after=None):
        """(exit code, what it said, peak memory in KiB, seconds)"""
        figures, out = self.folder / "figures", self.folder / "out"
        begin = time.monotonic()
        with open(out, "wb") as log:
            process = subprocess.Popen([str(a) for a in (MEASURE, figures, PROGRAM, *argv, "--config", self.folder / "chancery.yaml")],
                                       stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            if stop_after is not None:
                time.sleep(stop_after)
                for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                    os.kill(int(child), signal.SIGTERM)
            code = process.wait(RUN_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return code, out.read_text(errors="replace"), json.loads(figures.read_text())["max_rss_kib"], time.monotonic() - begin

    def sql(self, query, *arguments):
        return self.database.ask(query, *arguments)

    def n_events(self):
        return self.sql("SELECT coalesce(max(id), 0) FROM event")[0][0]

    def events(self, after):
        return self.sql("SELECT level, event, set_name, order_id, text FROM event WHERE id > ? ORDER BY id", after)

    def time_passes(self):
        """Whatever was put off has its time now."""
        self.database.change("UPDATE orders SET next_at_ms = 0 WHERE ended_at_ms IS NULL")
        self.database.change("UPDATE domain_set SET next_at_ms = 0 WHERE n_failures > 0")
        self.database.change("UPDATE authority SET open_until_ms = CASE WHEN open_until_ms > 0 THEN 1 ELSE 0 END")
        self.database.change("UPDATE ledger_bucket SET full_at_ms = 0")

    def wait_ms(self):
        """Until the set or its order is tried again."""
        rows = self.sql("SELECT next_at_ms FROM orders WHERE ended_at_ms IS NULL UNION ALL "
                        "SELECT next_at_ms FROM domain_set WHERE n_failures > 0")
        return max((row[0] for row in rows), default=0) - int(time.time() * 1000)

    def delivered(self):
        """The target as a server reads it: the folder it names, and a hash of each file there."""
        current = (self.folder / "live/current").resolve()
        return {"folder": current.name, **{p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(current.iterdir())}}

    def secrets_are_well(self):
        """Each certificate the store holds has its key there."""
        return self.sql("SELECT count(*) FROM certificate c LEFT JOIN private_key k ON k.id = c.key_id WHERE k.id IS NULL") == [(0,)]


class Trial:
    """What a case came to."""

    def __init__(self, case, folder, dns, papers, quiet=False):
        self.case = case
        self.front = Front(papers)
        self.ca = None
        try:
            self.ca = FakeCa(folder / "ca", dns=dns.resolver, base_url=self.front.base, odd_urls=1)
            self.front.ca_port = int(self.ca.base.rsplit(":", 1)[1])
            self.site = Site(folder / "site", case.name, self.front, self.ca, dns, papers)
            self.prepare()
            self.suffer()
            self.recover()
        finally:
            self.front.stop()
            if self.ca:
                self.ca.stop()

    def must(self, *argv):
        code, said, *_ = self.site.run(*argv)
        assert code == 0, f"{self.case.name}: {argv[0]} of a world without faults: exit {code}\n{said}"

    def prepare(self):
        self.must("init")
        self.must("renew")
        self.before = self.site.delivered()
        self.n_events = self.site.n_events()

    def suffer(self):
        case = self.case
        self.front.worsen(case.front)
        if case.directory:
            self.site.configure(case.directory)
        if case.is_day_later:  # the directory is asked for afresh
            self.site.database.change("UPDATE authority SET fetched_at_ms = 0")
        if case.settings(self):
            self.ca.set(**case.settings(self))
        self.code, self.said, self.rss_kib, self.seconds = self.site.run("renew", "--force", case.name, stop_after=case.stop_after)
        self.after = self.site.delivered()
        self.events = self.site.events(self.n_events)
        self.wait_ms = self.site.wait_ms()
        self.status = self.site.run("status")[1]

    def recover(self):
        self.front.mend()
        if self.case.directory:
            self.site.configure(self.site.directory)
        self.ca.set(**{"faults": [], **self.case.lifted})
        for _ in range(self.case.n_again):
            self.site.time_passes()
            self.again_code, self.again_said, *_ = self.site.run(*self.case.again)
        self.again = self.site.delivered()
        self.all_events = self.site.events(self.n_events)
        self.ledger = self.ca.ledger()
        self.spki = {row[0] for row in self.site.sql("SELECT spki FROM private_key WHERE purpose = 'leaf'")}
        self.stored = {row[0].lower() for row in self.site.sql("SELECT serial FROM certificate")}
        self.txt_left = self.site.sql("SELECT challenge, state FROM txt WHERE state <> 'gone'")
        self.keys_are_there = self.site.secrets_are_well()


def trials_run(cases, folder, n_workers):
    """name -> Trial, or the exception it ended with."""
    dns, papers, results = FakeDns(folder / "dns"), Papers(folder / "papers"), {}

    def one(case):
        try:
            results[case.name] = Trial(case, folder / case.name, dns, papers)
        except Exception as error:  # told by the test of that case
            results[case.name] = error

    try:
        # The longest first: they decide how long all of it takes.
        with concurrent.futures.ThreadPoolExecutor(n_workers) as pool:
            list(pool.map(one, sorted(cases, key=lambda case: -(case.stop_after or 25 * case.is_slow))))
    finally:
        dns.stop()
    return results
