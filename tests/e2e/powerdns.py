"""PowerDNS with an SQLite backend and its HTTP API, on free loopback ports."""
import http.server
import json
import sqlite3
import threading
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


class Counter:
    """Stands before the API and counts what is asked of it, by method."""

    def __init__(self, url):
        self.calls = []
        counter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {k: v for k, v in self.headers.items() if k.lower() in ("x-api-key", "content-type", "accept")}
                counter.calls.append(self.command)
                request = urllib.request.Request(url + self.path, method=self.command, data=body or None, headers=headers)
                try:
                    with urllib.request.urlopen(request, timeout=30) as reply:
                        status, text = reply.status, reply.read()
                except urllib.error.HTTPError as error:
                    status, text = error.code, error.read()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def n_writes(self):
        return sum(1 for method in self.calls if method != "GET")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
