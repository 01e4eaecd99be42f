"""A name that holds one value: sets wait for each other, and nothing is written over that is still wanted."""
import http.server
import os
import threading
import urllib.parse

import pytest
from powerdns import PowerDNS
from servers import Pebble

TOKEN = "single-canary-4711"
EMPTY = '"."'


class OneValue:
    """dyn.dns.he.net in small: writes the one value of a name, here into PowerDNS. Notes what it wrote over what."""

    def __init__(self, pdns):
        self.writes, self.values = [], {}
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                name, value = form["hostname"], form["txt"]
                answer = "badauth"
                if form["password"] == TOKEN:
                    fake.writes.append((fake.values.get(name, "."), value))
                    fake.values[name] = value
                    pdns.put_txt("example.org", name, [(f'"{value}"', False)])
                    answer = f'good "{value}"'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def pdns(tmp_path_factory):
    server = PowerDNS(tmp_path_factory.mktemp("pdns"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pdns_pebble(tmp_path_factory, pdns):
    server = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{pdns.address}:{pdns.port}", authz_reuse=0)
    yield server
    server.stop()


@pytest.fixture
def he(pdns):
    fake = OneValue(pdns)
    yield fake
    fake.stop()


@pytest.fixture
def shop(office, pdns, pdns_pebble, he):
    tokens = office.folder / "he.tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"shop.example.org={TOKEN}\n")
    os.chmod(tokens, 0o600)
    office.write(pdns_pebble, providers=(
        f"  he: {{type: hurricane, zones: [example.org], base_url: '{he.url}', tokens: 'file:he.tokens', "
        f"resolvers: ['{pdns.address}:{pdns.port}'], authoritative_port: {pdns.port}}}"))
    office.config.write_text(office.config.read_text().replace("parallel: 1", "parallel: 10"))
    office.run("init", check=0)
    return office


def test_renew_when_a_name_and_its_wildcard_are_two_sets_then_one_waits_for_the_other(shop, he):
    shop.set("base", ["shop.example.org"])
    shop.set("wild", ["*.shop.example.org"])
    result = shop.run("renew", "-v")
    assert result.code == 0, result
    assert shop.current("base") and shop.current("wild")
    assert len(he.writes) == 4, he.writes
    for before, after in he.writes:
        assert before == "." or after == ".", he.writes
    assert he.values["_acme-challenge.shop.example.org"] == "."
    assert TOKEN not in result.out + result.err


def test_check_when_a_set_needs_two_values_at_a_name_then_it_says_what_to_do(shop, he):
    shop.set("both", ["shop.example.org", "*.shop.example.org"])
    result = shop.run("check")
    assert result.code == 2, result
    text = result.out + result.err
    assert "2 names of this set need a TXT value at _acme-challenge.shop.example.org at once" in text, result
    assert "sets of their own" in text
    assert he.writes == []
