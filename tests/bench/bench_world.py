"""What the benches run in: a fake CA, a fake DNS server, a folder with a configuration, and the bill the kernel writes for a process."""
import base64
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_build = Path(os.environ.setdefault("CHANCERY_BUILD", "build/bench"))
BUILD = _build if _build.is_absolute() else ROOT / _build
PROGRAM = Path(os.environ.get("CHANCERY") or BUILD / "chancery")
BARE_CLIENT = BUILD / "tests/bench/bare-client"
BARE_STAT = BUILD / "tests/bench/bare-stat"
MEASURE = BUILD / "tests/bench/measure"

sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/crash")]
from servers import Server, free_port, wait_until  # noqa: E402
from world import FakeCa  # noqa: E402, F401

ZONE = "bench.example"


def median(values):
    return statistics.median(values)


class Bill:
    """A finished process: what it printed and what it cost."""

    def __init__(self, code, out, err, figures):
        self.code, self.out, self.err = code, out, err
        self.wall_ms, self.max_rss_kib = figures["wall_ms"], figures["max_rss_kib"]
        self.cpu_ms = figures["user_ms"] + figures["system_ms"]
        self.kernel = figures

    def json(self):
        return json.loads(self.out)


class Running:
    """A program under `measure`, in a process group of its own."""

    def __init__(self, folder, argv):
        self.figures = folder / f"figures-{time.monotonic_ns()}.json"
        self.out, self.err = self.figures.with_suffix(".out"), self.figures.with_suffix(".err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(a) for a in (MEASURE, self.figures, *argv)], stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL, start_new_session=True)

    def pid(self):
        """Of the program itself; 0 before it was forked and after it ended."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except OSError:
            return 0
        return int(children[0]) if children else 0

    def memory_kib(self, *names):
        """Lines of /proc/PID/status, such as VmRSS and RssAnon."""
        try:
            lines = Path(f"/proc/{self.pid()}/status").read_text().splitlines()
        except OSError:
            return None
        found = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.split(":")[0] in names}
        return [found.get(name, 0) for name in names]

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def wait(self, timeout=900):
        try:
            code = self.process.wait(timeout)
        finally:
            self.stop()
        figures = json.loads(self.figures.read_text()) if self.figures.exists() else {}
        bill = Bill(code, self.out.read_text(errors="replace"), self.err.read_text(errors="replace"), figures)
        for path in (self.figures, self.out, self.err):
            path.unlink(missing_ok=True)
        return bill


def run(folder, *argv, code=0, timeout=900):
    bill = Running(folder, argv).wait(timeout)
    if bill.code != code:
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with {bill.code}, not {code}\n{bill.out[-2000:]}\n{bill.err[-2000:]}")
    return bill


class FakeDns:
    """One authoritative server that takes unsigned updates, and a resolver over the same zone."""

    def __init__(self, folder, lag_ms=0):
        folder.mkdir(parents=True)
        (folder / "zones.json").write_text(json.dumps({"zones": {ZONE: [["@", "NS", "ns1"], ["ns1", "A", "127.0.0.1"]]}}))
        self.port = free_port()
        self.server = Server(folder, [BUILD / "tests/fakedns/fake-dns", "--listen", f"127.0.0.1:{self.port}", "--update-any",
                                      "--lag-ms", lag_ms, "--recursive", f"127.0.0.2:{self.port}", "--zone", folder / "zones.json"],
                             name="fake-dns")
        wait_until("fake-dns is ready", lambda: "ready" in self.server.log.read_text())
        self.address, self.resolver = f"127.0.0.1:{self.port}", f"127.0.0.2:{self.port}"

    def stop(self):
        self.server.stop()


class Site:
    """One configuration over one CA and the fake DNS server."""

    def __init__(self, folder, directory, ca_file, dns, parallel=100):
        self.folder, self.config = folder, folder / "chancery.yaml"
        self.sets = folder / "sets.d"
        self.sets.mkdir(parents=True)
        self.config.write_text(f"""store: sqlite:chancery.db
seal: file:seal.key
sets: sets.d/*.yaml
authorities:
  ca: {{directory: {directory}, ca_file: {ca_file}, agree_tos: true, parallel: {parallel}}}
providers:
  dns: {{type: rfc2136, zones: [{ZONE}], server: '{dns.address}', resolvers: ['{dns.resolver}'], authoritative_port: {dns.port}}}
""")
        seal = folder / "seal.key"
        seal.touch(mode=0o600)
        seal.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
        self.run("init")

    def add_sets(self, n_sets, n_names, text=""):
        for i in range(n_sets):
            names = ", ".join(f"n{k}.{set_name(i)}.{ZONE}" for k in range(n_names))
            (self.sets / f"{set_name(i)}.yaml").write_text(f"names: [{names}]\n{text}")
        return self

    def argv(self, *argv):
        return (PROGRAM, *argv, "--config", self.config)

    def start(self, *argv):
        return Running(self.folder, self.argv(*argv))

    def run(self, *argv, code=0):
        return run(self.folder, PROGRAM, *argv, "--config", self.config, code=code)

    def sql(self, query):
        store = sqlite3.connect(f"file:{self.folder / 'chancery.db'}?mode=ro", uri=True)
        try:
            return store.execute(query).fetchall()
        finally:
            store.close()

    def renew(self, n_expected):
        bill = self.run("renew", "--json")
        result = bill.json()
        if result["issued"] != n_expected or result["failed"] != 0:
            raise RuntimeError(f"{result['issued']} of {n_expected} issued, {result['failed']} failed\n{bill.err[-2000:]}")
        bill.figures = result["figures"]
        return bill


def set_name(i):
    return f"set{i:06d}"


class Scratch:
    """Numbered folders below one that is removed in the end."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0

    def new(self, what):
        self.n += 1
        path = self.folder / f"{self.n:03d}-{what}"
        path.mkdir(parents=True)
        return path

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
