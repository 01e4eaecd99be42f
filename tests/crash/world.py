"""The world of the crash tests: a fake CA with a ledger, BIND, targets with a permanent reader; and the four ledgers compared.

A *lane* is one CA and one name server; each trial has a lane for itself, so what a lane's ledgers gain during a trial is that trial's.
Trials of several lanes run at once: a renewal mostly waits.
"""
import concurrent.futures
import hashlib
import json
import os
import queue
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import stores  # noqa: E402
from servers import Bind, Server, wait_until  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
_build = Path(os.environ.get("CHANCERY_BUILD", "build/crash"))
BUILD = _build if _build.is_absolute() else ROOT / _build
PROGRAM = BUILD / "chancery"
N_LANES = int(os.environ.get("CHANCERY_LANES", "5"))
WWW = {"www": ("www.example.com", "*.www.example.com")}


class FakeCa:
    def __init__(self, folder: Path, dns=None, base_url=None, **knobs):
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "root.pem"
        settings = {"retry_after_s": -1, "validate_ms": 5, "issue_ms": 5}
        settings.update(knobs)
        argv = [BUILD / "tests/fake/fake-ca", "--tls-cert-out", self.ca_file, "--set", json.dumps(settings)]
        if dns:
            argv += ["--dns", dns]
        if base_url:
            argv += ["--base-url", base_url]
        self.server = Server(folder, argv, name="fake-ca")
        wait_until("fake-ca listens", lambda: "listening on" in self.server.log.read_text(), 60)
        self.url = self.server.log.read_text().split("listening on ")[1].split()[0]
        self.base = self.url.rsplit("/", 1)[0]
        self.context = ssl.create_default_context(cafile=str(self.ca_file))

    def stop(self):
        self.server.stop()

    def call(self, path, data=None):
        request = urllib.request.Request(self.base + path, data=json.dumps(data).encode() if data else None,
                                         headers={"User-Agent": "tests", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.context, timeout=30) as reply:
            return json.loads(reply.read() or b"{}")

    def ledger(self):
        return self.call("/ca-ledger")

    def set(self, **knobs):
        self.call("/ca-set", knobs)


class View:
    """What a CA's ledger gained since a trial began."""

    def __init__(self, ca):
        self.ca, self.url, self.ca_file = ca, ca.url, ca.ca_file
        before = ca.ledger()
        self.n_certificates, self.n_orders, self.requests = len(before["certificates"]), len(before["orders"]), before["requests"]

    def ledger(self):
        ledger = self.ca.ledger()
        requests = {kind: n - self.requests[kind] for kind, n in ledger["requests"].items()}
        return {"certificates": ledger["certificates"][self.n_certificates:], "orders": ledger["orders"][self.n_orders:],
                "requests": requests}

    def set(self, **knobs):
        self.ca.set(**knobs)


class Lane:
    def __init__(self, folder: Path):
        self.bind = Bind(folder / "bind")
        self.ca = FakeCa(folder / "ca", dns=f"{self.bind.address}:{self.bind.port}")
        self.folder = folder
        self.shim = None
        self.spoiled = False  # a trial says that it leaves something behind

    def stop(self):
        self.ca.stop()
        self.bind.stop()

    def site(self, folder: Path, **how):
        """A new site of a trial; its CA shows only what this trial does."""
        return Site(folder, View(self.ca), self.bind, **how)


class Lanes:
    """Runs trials on several lanes at once. A trial is a function of a lane and an item; an AssertionError is a finding."""

    def __init__(self, folder: Path, n=N_LANES):
        self.folder, self.n_made, self.free = folder, 0, queue.Queue()
        self.lanes = []
        self.shim = build_shim(folder)
        for _ in range(n):
            self.free.put(self.make())

    def make(self):
        self.n_made += 1
        lane = Lane(self.folder / f"lane{self.n_made}")
        lane.shim = self.shim
        self.lanes.append(lane)
        return lane

    def stop(self):
        for lane in self.lanes:
            lane.stop()

    def take(self):
        return self.free.get()

    def give_back(self, lane, spoiled):
        """What is left in a lane would be another trial's finding."""
        if spoiled or lane.spoiled:
            lane.stop()
            self.lanes.remove(lane)
            lane = self.make()
        self.free.put(lane)

    def one(self, trial, item=None):
        lane, spoiled = self.take(), True
        try:
            result = trial(lane, item)
            spoiled = False
            return result
        finally:
            self.give_back(lane, spoiled)

    def run(self, trial, items, most_findings=5):
        """The results in the order of the items; fails with the first findings, each with what it takes to see it again."""
        results, findings = [], []

        def careful(item):
            try:
                if len(findings) < most_findings:
                    results.append((item, self.one(trial, item)))
            except AssertionError as finding:
                findings.append(f"{item}: {finding}")

        with concurrent.futures.ThreadPoolExecutor(len(self.lanes)) as pool:
            list(pool.map(careful, items))
        assert not findings, f"after {len(results)} good trials:\n" + "\n".join(findings)
        return [result for _, result in sorted(results, key=lambda pair: pair[0])]


class Glance:
    """Reads a target as a server would: resolves the link once, then both files. Never a pair that does not match."""

    def __init__(self, live: Path):
        self.live, self.bad, self.n, self.pairs, self.was_there = live, [], 0, {}, False
        self.look()

    def matches(self, folder):
        key, leaf = (folder / "key.pem").read_bytes(), (folder / "fullchain.pem").read_bytes()
        if (key, leaf) not in self.pairs:
            a = subprocess.run(["openssl", "pkey", "-pubout"], input=key, capture_output=True)
            b = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=leaf, capture_output=True)
            self.pairs[(key, leaf)] = a.returncode == 0 and a.stdout == b.stdout and len(a.stdout) > 0
        return self.pairs[(key, leaf)]

    def look(self):
        try:
            folder = self.live / os.readlink(self.live / "current")
        except OSError:
            if self.was_there:
                self.bad.append("the link is gone")
            return
        try:
            self.was_there = True
            self.n += 1
            if not self.matches(folder):
                self.bad.append(f"{folder}: key and certificate do not match")
        except OSError as error:
            self.bad.append(f"{folder}: {error}")


class Reader(Glance):
    """Looks all the time."""

    def __init__(self, live: Path):
        super().__init__(live)
        self.stopping = False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.stopping:
            self.look()
            time.sleep(0.005)

    def stop(self):
        self.stopping = True
        self.thread.join()


class Site:
    """One configuration with its store; each set is delivered to its own folder."""

    def __init__(self, folder: Path, ca, bind: Bind, sets=None, deploy=None, provider="", authority=""):
        self.folder, self.ca, self.bind, self.database = folder, ca, bind, stores.make(folder)
        self.sets = dict(sets if sets is not None else WWW)
        for name in ("sets.d", "live"):
            (folder / name).mkdir(parents=True)
        (folder / "tsig").touch(mode=0o600)
        (folder / "tsig").write_text(bind.secret + "\n")
        self.server = f"{bind.address}:{bind.port}"
        self.write(authority=authority, provider=provider)
        for name, names in self.sets.items():
            listed = ", ".join(f"'{n}'" for n in names)
            how = deploy or f"files: {{dir: live/{name}}}\n    activate: [/bin/true]"
            (folder / "sets.d" / f"{name}.yaml").write_text(f"names: [{listed}]\ndeploy:\n  - {how}\n")
        result = self.run("init")
        assert result.returncode == 0, result.stderr

    def write(self, server=None, authority="", provider=""):
        """(Re)writes chancery.yaml; `server`: where updates go and names are looked up."""
        server = server or self.server
        port = server.rsplit(":", 1)[1]
        (self.folder / "chancery.yaml").write_text(f"""store: {self.database.setting}
seal: file:seal.key
sets: sets.d/*.yaml
authorities:
  ca: {{directory: {self.ca.url}, ca_file: {self.ca.ca_file}, agree_tos: true{authority}}}
providers:
  bind: {{type: rfc2136, zones: [example.com], server: '{server}', tsig: {{name: chancery., secret: 'file:tsig'}},
    resolvers: ['{server}'], authoritative_port: {port}{provider}}}
""")

    def argv(self, *argv, program=PROGRAM):
        return [str(program), *map(str, argv), "--config", str(self.folder / "chancery.yaml")]

    def run(self, *argv, env=None, timeout=120, program=PROGRAM):
        return subprocess.run(self.argv(*argv, program=program), capture_output=True, text=True,
                              env=dict(os.environ, **(env or {})), timeout=timeout, stdin=subprocess.DEVNULL)

    def start(self, *argv, env=None, log=None, **how):
        """Runs beside the test, as the leader of a process group of its own; what it says goes to a file."""
        with open(log or self.folder / "run.log", "ab") as out:
            how = {"stdout": out, "stderr": out, **how}
            return subprocess.Popen(self.argv(*argv), env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                                    start_new_session=True, **how)

    def live(self, name="www"):
        return self.folder / "live" / name

    def sql(self, query, *arguments):
        return self.database.ask(query, *arguments)

    def remove(self):
        self.database.remove()
        shutil.rmtree(self.folder)

    # ---- the four ledgers ----

    def check_ledgers(self, decisions, context, kills=0, dns=True):
        """CA, DNS, targets and store must tell the same story. decisions: certificates decided on so far, for every set."""
        n = decisions * len(self.sets)
        ledger = self.ca.ledger()
        certificates = ledger["certificates"]
        keys = {row[0] for row in self.sql("SELECT spki FROM private_key WHERE purpose = 'leaf'")}
        lost = [c["serial"] for c in certificates if c["spki_sha256"] not in keys]
        assert not lost, f"{context}: certificates without their key in the store: {lost}"
        assert len(certificates) == n, f"{context}: {len(certificates)} certificates at the CA for {n} decisions"
        assert len(ledger["orders"]) <= n + kills, f"{context}: {len(ledger['orders'])} orders at the CA"
        if dns:
            self.check_dns(context)
        self.check_store(decisions, {c["serial"] for c in certificates}, context)
        for name in self.sets:
            self.check_target(name, decisions, context)

    def check_dns(self, context):
        left = self.bind.all_txt()
        assert left == [], f"{context}: TXT left: {left}"
        open_rows = self.sql("SELECT challenge, wish, state, failure FROM txt WHERE state <> 'gone'")
        assert open_rows == [], f"{context}: TXT rows left: {open_rows}"

    def check_store(self, decisions, serials, context):
        n = decisions * len(self.sets)
        assert self.database.is_sound(), context
        stored = {row[0].lower().lstrip("0") for row in self.sql("SELECT serial FROM certificate")}
        assert stored == {s.lstrip("0") for s in serials}, f"{context}: the store holds {stored}, the CA issued {serials}"
        current = self.sql("SELECT set_name, version FROM certificate WHERE current = 1 ORDER BY set_name")
        assert current == sorted((name, decisions) for name in self.sets), f"{context}: {current}"
        orders = self.sql("SELECT outcome, count(*) FROM orders GROUP BY outcome")
        assert orders == [("issued", n)], f"{context}: {orders}"
        n_keys = self.sql("SELECT count(*) FROM private_key WHERE purpose = 'leaf'")
        assert n_keys == [(n,)], f"{context}: {n_keys} keys for {n} decisions"
        # The lead of one that was killed with nothing left to do stays named: an idle run writes nothing.
        held = self.sql("SELECT name, pid FROM lease WHERE holder IS NOT NULL")
        held = [(lease, pid) for lease, pid in held if lease != "leader" or Path(f"/proc/{pid}").exists()]
        assert held == [], f"{context}: leases still held: {held}"
        self.check_events(context)

    def check_events(self, context):
        previous = ""
        for number, at_ms, level, event, name, order, text, value in self.sql(
                "SELECT id, at_ms, level, event, coalesce(set_name, ''), coalesce(order_id, 0), text, hash FROM event ORDER BY id"):
            line = f"{previous}\n{at_ms}\n{level}\n{event}\n{name}\n{order}\n{text}"
            assert hashlib.sha256(line.encode()).hexdigest() == value, f"{context}: event {number} breaks the chain: {text}"
            previous = value

    def check_target(self, name, decisions, context):
        leaf = subprocess.run(["openssl", "x509", "-in", self.live(name) / "current/cert.pem", "-outform", "DER"],
                              capture_output=True).stdout
        want = self.sql("SELECT sha256 FROM certificate WHERE set_name = ? AND current = 1", name)
        assert [(hashlib.sha256(leaf).hexdigest(),)] == want, f"{context}: the target of {name} has another certificate"
        rows = self.sql("SELECT stage, failure FROM deployment WHERE set_name = ? AND removed_at_ms IS NULL", name)
        assert rows == [("done", None)], f"{context}: {rows}"
        extra = {p.name for p in self.live(name).iterdir()} - {"current", "deploy.stamp", "versions"}
        half = {p.name for p in (self.live(name) / "versions").iterdir() if not (p / "fullchain.pem").exists()}
        assert not extra | half, f"{context}: left in the target: {extra | half}"


def build_shim(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "kill_shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, Path(__file__).parent / "kill_shim.c", "-ldl"], check=True)
    return shim


def calls_count(lane, folder: Path, prepare, command):
    """(outward calls, syncs) of a command when nobody disturbs it."""
    site = lane.site(folder)
    prepare(site)
    total = folder / "total"
    result = site.run(*command, env={"LD_PRELOAD": str(lane.shim), "COUNT_FILE": str(total)})
    assert result.returncode == 0, result.stderr
    counts = tuple(map(int, total.read_text().split()))
    site.remove()
    return counts


def group_end(process):
    """Whatever a test left running of a process it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] if ordered else 0.0
