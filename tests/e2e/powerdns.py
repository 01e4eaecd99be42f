"""PowerDNS with an SQLite backend and its HTTP API, on free loopback ports."""
import json
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path

from servers import Server, find_program, free_port, listens, wait_until

SCHEMAS = ("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql", "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
KEY = "pdns-canary-4711-key"


class PowerDNS:
    address = "127.0.0.1"

    def __init__(self, folder: Path, zones=("example.org",)):
        program = find_program("pdns_server")
        assert program, "pdns-server is not installed: run tests/run.sh, which installs it"
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.zones = folder, zones
        self.port, self.api_port = free_port(), free_port()
        schema = next(Path(s) for s in SCHEMAS if Path(s).exists())
        connection = sqlite3.connect(folder / "pdns.db")
        connection.executescript(schema.read_text())
        connection.close()
        (folder / "pdns.conf").write_text(f"""launch=gsqlite3
gsqlite3-database={folder}/pdns.db
local-address=127.0.0.1
local-port={self.port}
socket-dir={folder}
api=yes
api-key={KEY}
webserver=yes
webserver-address=127.0.0.1
webserver-port={self.api_port}
webserver-allow-from=127.0.0.1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
disable-syslog=yes
guardian=no
daemon=no
""")
        self.url = f"http://127.0.0.1:{self.api_port}/api/v1/servers/localhost"
        self.server = Server(folder, [program, f"--config-dir={folder}"], name="pdns")
        wait_until("PowerDNS listens", lambda: listens(self.port) and listens(self.api_port))
        for zone in zones:
            self.call("POST", "/zones", {"name": f"{zone}.", "kind": "Native", "nameservers": [f"ns1.{zone}."], "rrsets": [
                {"name": f"ns1.{zone}.", "type": "A", "ttl": 60, "records": [{"content": "127.0.0.1", "disabled": False}]}]})

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                                         headers={"X-API-Key": KEY, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            text = reply.read()
            return json.loads(text) if text else None

    def put_txt(self, zone, name, records):
        """records: (content as in a zone file, disabled)"""
        self.call("PATCH", f"/zones/{zone}.", {"rrsets": [{"name": f"{name}.", "type": "TXT", "ttl": 300, "changetype": "REPLACE",
                  "records": [{"content": c, "disabled": d} for c, d in records]}]})

    def txt(self, zone, name):
        zone = self.call("GET", f"/zones/{zone}.")
        return sorted((r["content"], r["disabled"]) for s in zone["rrsets"] if s["type"] == "TXT" and s["name"] == f"{name}." for r in s["records"])

    def ttl(self, zone, name):
        zone = self.call("GET", f"/zones/{zone}.")
        return next(s["ttl"] for s in zone["rrsets"] if s["type"] == "TXT" and s["name"] == f"{name}.")

    def stop(self):
        self.server.stop()
