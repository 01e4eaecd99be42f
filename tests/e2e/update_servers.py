"""Name servers that take DNS UPDATE (RFC 2136), signed with the key `chancery.`: BIND, PowerDNS and Knot, each told in its own way.

One face for all of them: `put_txt` and `txt` go over the wire as anybody's updates and questions would.
"""
import sqlite3
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
from powerdns import SCHEMAS
from servers import TSIG_SECRET, Bind, Server, find_program, free_port, listens, wait_until


class UpdateServer:
    address, secret, algorithm = "127.0.0.1", TSIG_SECRET, "hmac-sha256"

    def put_txt(self, zone, name, value, ttl=300):
        keyring = dns.tsigkeyring.from_text({"chancery.": self.secret})
        update = dns.update.UpdateMessage(zone, keyring=keyring, keyalgorithm=self.algorithm)
        update.add(f"{name}.", ttl, "TXT", value)
        reply = dns.query.tcp(update, self.address, port=self.port, timeout=10)
        assert reply.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(reply.rcode())

    def txt(self, name):
        """(TTL, texts as in a zone file), or None."""
        reply = dns.query.tcp(dns.message.make_query(name, "TXT"), self.address, port=self.port, timeout=10)
        sets = [s for s in reply.answer if s.rdtype == dns.rdatatype.TXT]
        return (sets[0].ttl, sorted(r.to_text() for r in sets[0])) if sets else None

    def stop(self):
        self.server.stop()


class BindUpdate(UpdateServer):
    def __init__(self, folder: Path, zone):
        self.server = Bind(folder, zones=(zone,))
        self.zones, self.port = (zone,), self.server.port


class PowerDnsUpdate(UpdateServer):
    def __init__(self, folder: Path, zone):
        program = find_program("pdns_server")
        assert program, "pdns-server is not installed: run tests/run.sh, which installs it"
        folder.mkdir(parents=True, exist_ok=True)
        self.zones, self.port = (zone,), free_port()
        with sqlite3.connect(folder / "pdns.db") as store:
            store.executescript(next(Path(s) for s in SCHEMAS if Path(s).exists()).read_text())
            store.execute("INSERT INTO domains (id, name, type) VALUES (1, ?, 'NATIVE')", (zone,))
            store.executemany("INSERT INTO records (domain_id, name, type, content, ttl, auth) VALUES (1, ?, ?, ?, 60, 1)", [
                (zone, "SOA", f"ns1.{zone} hostmaster.{zone} 1 60 30 3600 5"), (zone, "NS", f"ns1.{zone}"), (f"ns1.{zone}", "A", "127.0.0.1")])
            store.execute("INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('chancery', 'hmac-sha256', ?)", (self.secret,))
            store.execute("INSERT INTO domainmetadata (domain_id, kind, content) VALUES (1, 'TSIG-ALLOW-DNSUPDATE', 'chancery')")
        store.close()
        (folder / "pdns.conf").write_text(f"""launch=gsqlite3
gsqlite3-database={folder}/pdns.db
local-address=127.0.0.1
local-port={self.port}
socket-dir={folder}
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
disable-syslog=yes
guardian=no
daemon=no
""")
        self.server = Server(folder, [program, f"--config-dir={folder}"], name="pdns")
        wait_until("PowerDNS listens", lambda: listens(self.port))


class Knot(UpdateServer):
    def __init__(self, folder: Path, zone):
        program = find_program("knotd")
        assert program, "knot is not installed: run tests/run.sh, which installs it"
        (folder / "db").mkdir(parents=True)
        self.zones, self.port = (zone,), free_port()
        (folder / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns1 hostmaster 1 60 30 3600 5\n@ NS ns1\nns1 A 127.0.0.1\n")
        (folder / "knot.conf").write_text(f"""server:
    rundir: "{folder}"
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}/db"
key:
  - id: chancery.
    algorithm: hmac-sha256
    secret: {self.secret}
acl:
  - id: updates
    address: 127.0.0.0/8
    key: chancery.
    action: update
    update-type: TXT
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    journal-max-usage: 4M
    acl: updates
zone:
  - domain: {zone}
    file: {zone}.zone
""")
        self.server = Server(folder, [program, "-c", folder / "knot.conf"], name="knotd")
        wait_until("knotd listens", lambda: listens(self.port))


KINDS = {"bind": BindUpdate, "powerdns": PowerDnsUpdate, "knot": Knot}
