"""The world of the crash tests: a fake CA with a ledger, BIND, a target with a permanent reader; and the four ledgers compared."""
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from servers import Bind, Server, wait_until  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
_build = Path(os.environ.get("CHANCERY_BUILD", "build/crash"))
BUILD = _build if _build.is_absolute() else ROOT / _build
PROGRAM = BUILD / "chancery"


class FakeCa:
    def __init__(self, folder: Path, dns=None, **knobs):
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "root.pem"
        settings = {"retry_after_s": -1, "validate_ms": 5, "issue_ms": 5}
        settings.update(knobs)
        argv = [BUILD / "tests/fake/fake-ca", "--tls-cert-out", self.ca_file, "--set", json.dumps(settings)]
        if dns:
            argv += ["--dns", dns]
        self.server = Server(folder, argv, name="fake-ca")
        wait_until("fake-ca listens", lambda: "listening on" in self.server.log.read_text())
        self.url = self.server.log.read_text().split("listening on ")[1].split()[0]
        self.base = self.url.rsplit("/", 1)[0]
        self.context = ssl.create_default_context(cafile=str(self.ca_file))

    def stop(self):
        self.server.stop()

    def call(self, path, data=None):
        request = urllib.request.Request(self.base + path, data=json.dumps(data).encode() if data else None,
                                         headers={"User-Agent": "tests", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.context, timeout=10) as reply:
            return json.loads(reply.read() or b"{}")

    def ledger(self):
        return self.call("/ca-ledger")

    def set(self, **knobs):
        self.call("/ca-set", knobs)


class Reader:
    """Reads the target all the time, as a server would: resolves the link once, then both files. Never a pair that does not match."""

    def __init__(self, live: Path):
        self.live, self.bad, self.n, self.stopping, self.pairs = live, [], 0, False, {}
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def matches(self, folder):
        key, leaf = (folder / "key.pem").read_bytes(), (folder / "fullchain.pem").read_bytes()
        if (key, leaf) not in self.pairs:
            a = subprocess.run(["openssl", "pkey", "-pubout"], input=key, capture_output=True)
            b = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=leaf, capture_output=True)
            self.pairs[(key, leaf)] = a.returncode == 0 and a.stdout == b.stdout and len(a.stdout) > 0
        return self.pairs[(key, leaf)]

    def loop(self):
        while not self.stopping:
            try:
                folder = self.live / "current"
                folder = folder.parent / os.readlink(folder)
            except OSError:
                time.sleep(0.002)
                continue
            try:
                self.n += 1
                if not self.matches(folder):
                    self.bad.append(str(folder))
            except OSError as error:
                self.bad.append(f"{folder}: {error}")
            time.sleep(0.002)

    def stop(self):
        self.stopping = True
        self.thread.join()


class Site:
    """One configuration with one set that is delivered to one folder."""

    def __init__(self, folder: Path, ca: FakeCa, bind: Bind, names=("www.example.com", "*.www.example.com")):
        self.folder, self.ca, self.bind = folder, ca, bind
        (folder / "sets.d").mkdir(parents=True)
        (folder / "tsig").touch(mode=0o600)
        (folder / "tsig").write_text(bind.secret + "\n")
        (folder / "chancery.yaml").write_text(f"""store: sqlite:chancery.db
seal: file:seal.key
sets: sets.d/*.yaml
authorities:
  ca: {{directory: {ca.url}, ca_file: {ca.ca_file}, agree_tos: true}}
providers:
  bind: {{type: rfc2136, zones: [example.com], server: '{bind.address}:{bind.port}', tsig: {{name: chancery., secret: 'file:tsig'}},
    resolvers: ['{bind.address}:{bind.port}'], authoritative_port: {bind.port}}}
""")
        listed = ", ".join(f"'{n}'" for n in names)
        (folder / "sets.d" / "www.yaml").write_text(f"names: [{listed}]\ndeploy:\n  - files: {{dir: live}}\n    activate: [/bin/true]\n")
        result = self.run("init")
        assert result.returncode == 0, result.stderr

    def run(self, *argv, env=None, timeout=60, program=PROGRAM):
        return subprocess.run([str(program), *map(str, argv), "--config", str(self.folder / "chancery.yaml")], capture_output=True,
                              text=True, env=dict(os.environ, **(env or {})), timeout=timeout, stdin=subprocess.DEVNULL)

    def sql(self, query, *arguments):
        import sqlite3
        connection = sqlite3.connect(f"file:{self.folder / 'chancery.db'}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, arguments).fetchall()
        finally:
            connection.close()

    def check_ledgers(self, decisions, context, kills=0):
        """CA, DNS, target and store must tell the same story."""
        ledger = self.ca.ledger()
        certificates = ledger["certificates"]
        mine = [c for c in certificates if c["spki_sha256"] in {r[0] for r in self.sql("SELECT spki FROM private_key")}]
        assert len(certificates) == len(mine), f"{context}: a certificate without its key in the store"
        assert len(certificates) == decisions, f"{context}: {len(certificates)} certificates for {decisions} decisions"
        assert len(ledger["orders"]) <= decisions + kills, f"{context}: {len(ledger['orders'])} orders"
        assert self.bind.all_txt() == [], f"{context}: TXT left"
        assert self.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") == [(0,)], context
        assert self.sql("PRAGMA integrity_check") == [("ok",)], context
        current = self.sql("SELECT sha256, version FROM certificate WHERE current = 1")
        assert len(current) == 1 and current[0][1] == decisions, f"{context}: {current}"
        leaf = subprocess.run(["openssl", "x509", "-in", self.folder / "live/current/cert.pem", "-outform", "DER"],
                              capture_output=True).stdout
        import hashlib
        assert hashlib.sha256(leaf).hexdigest() == current[0][0], f"{context}: the target has another certificate"
        assert self.sql("SELECT count(*) FROM orders WHERE ended_at_ms IS NULL") == [(0,)], context


def build_shim(folder: Path):
    shim = folder / "kill_shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, Path(__file__).parent / "kill_shim.c", "-ldl"], check=True)
    return shim
