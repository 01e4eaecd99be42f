"""An acme-dns server of the test's own before a real DNS server: two values a name, none is ever removed, a CNAME leads there."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from powerdns import PowerDNS
from servers import Pebble

SUBDOMAIN = "d420c923-bbd7-4056-ab64-c3ca54c9b3cf"
FULL = f"{SUBDOMAIN}.auth.example.net"
PASSWORD = "acmedns-canary-4711"


class AcmeDns(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pdns):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pdns, self.slots, self.n_updates, self.drops = pdns, ["", ""], 0, 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.headers["X-Api-User"] == "user" and self.headers["X-Api-Key"] == PASSWORD and body["subdomain"] == SUBDOMAIN
        if good:
            server.n_updates += 1
            server.slots = [server.slots[1], body["txt"]]
            server.pdns.put_txt("auth.example.net", FULL, [(f'"{v}"', False) for v in sorted(set(filter(None, server.slots)))])
        if good and server.drops == server.n_updates:
            self.close_connection = True  # done, and nobody hears of it
            return
        data = json.dumps({"txt": body["txt"]} if good else {"error": "forbidden"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module")
def pdns(tmp_path_factory):
    server = PowerDNS(tmp_path_factory.mktemp("pdns"), zones=("example.org", "auth.example.net"))
    for name in ("shop", "lost", "file"):
        server.call("PATCH", "/zones/example.org.", {"rrsets": [{"name": f"_acme-challenge.{name}.example.org.", "type": "CNAME", "ttl": 60,
                    "changetype": "REPLACE", "records": [{"content": f"{FULL}.", "disabled": False}]}]})
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pdns_pebble(tmp_path_factory, pdns):
    server = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{pdns.address}:{pdns.port}", authz_reuse=0)
    yield server
    server.stop()


@pytest.fixture
def acmedns(pdns):
    server = AcmeDns(pdns)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def shop(office, acmedns, pdns, pdns_pebble):
    def private(name, text):
        path = office.folder / name
        path.touch(mode=0o600)
        path.write_text(text)

    def write(settings):
        private("password", PASSWORD + "\n")
        private("storage.json", json.dumps({"file.example.org": {"fulldomain": FULL, "subdomain": SUBDOMAIN, "username": "user", "password": PASSWORD}}))
        office.write(pdns_pebble, providers=f"  own: {{type: acmedns, zones: [example.org, auth.example.net], base_url: '{acmedns.url}', {settings}, "
                                            f"resolvers: ['{pdns.address}:{pdns.port}'], authoritative_port: {pdns.port}}}")
        office.run("init", check=0)
        return office

    return write


ACCOUNTS = f"accounts: [{{fulldomain: {FULL}, username: user, password: 'file:password'}}]"


def test_renew_when_delegated_then_issued_and_nothing_is_left_to_be_removed(shop, acmedns, pdns):
    office = shop(ACCOUNTS)
    office.set("shop", ["shop.example.org", "*.shop.example.org"])
    result = office.run("renew", "-v")
    assert result.code == 0, result
    assert acmedns.n_updates == 2
    assert office.sql("SELECT count(*) FROM txt WHERE state <> 'gone'")[0][0] == 0
    assert len(pdns.txt("auth.example.net", FULL)) == 2, "the server keeps its last two values"
    assert PASSWORD not in result.out + result.err
    # The next order rolls both out.
    assert office.run("renew", "--force", "shop").code == 0
    assert acmedns.n_updates == 4


def test_renew_when_the_second_answer_is_lost_then_both_values_are_sent_again(shop, acmedns):
    office = shop(ACCOUNTS)
    office.set("lost", ["lost.example.org", "*.lost.example.org"])
    acmedns.drops = 2
    result = office.run("renew", "-v")
    assert result.code == 0, (result, acmedns.n_updates, acmedns.slots)
    assert acmedns.n_updates == 4 and acmedns.slots[0] != acmedns.slots[1]


def test_renew_when_the_registration_is_in_the_file_of_another_client_then_it_serves(shop, acmedns):
    office = shop("storage: 'file:storage.json'")
    office.set("file", ["file.example.org"])
    result = office.run("renew", "-v")
    assert result.code == 0, result
    assert acmedns.n_updates == 1 and PASSWORD not in result.out + result.err


def test_renew_when_there_is_no_cname_then_a_person_is_told(shop, acmedns):
    office = shop(ACCOUNTS)
    office.set("bare", ["bare.example.org"])
    result = office.run("renew", "-v")
    assert result.code == 1, result
    assert "_acme-challenge.bare.example.org is not delegated: create a CNAME" in result.out + result.err
    assert acmedns.n_updates == 0
