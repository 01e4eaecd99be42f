"""Programs made for other clients, unchanged, behind a whole renewal: a script of acme.sh, hooks of certbot, a program of lego's mode RAW."""
import os
from pathlib import Path

import pytest
from powerdns import KEY, PowerDNS
from servers import Pebble

SCRIPT = Path(__file__).parent / "dnsapi/dns_pdnstest.sh"

# Both are told the key by the environment alone. A clean-up hook gets what the auth hook printed.
CERTBOT = """#!/usr/bin/python3
import json, os, sys, urllib.request
set_of = "_acme-challenge." + os.environ["CERTBOT_DOMAIN"] + "."
def call(method, body=None):
    request = urllib.request.Request(os.environ["PDNS_URL"] + "/zones/example.org.", method=method, data=body,
                                     headers={"X-API-Key": os.environ["PDNS_KEY"], "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=20).read()
mine = '"' + os.environ["CERTBOT_VALIDATION"] + '"'
records = [r for s in json.loads(call("GET"))["rrsets"] if s["name"] == set_of and s["type"] == "TXT" for r in s["records"] if r["content"] != mine]
if sys.argv[1] == "auth":
    print("note-" + os.environ["CERTBOT_REMAINING_CHALLENGES"])
    records.append({"content": mine, "disabled": False})
elif not os.environ["CERTBOT_AUTH_OUTPUT"].startswith("note-"):
    sys.exit("I was told nothing, only " + repr(os.environ["CERTBOT_AUTH_OUTPUT"]) + " with the key " + os.environ["PDNS_KEY"])
call("PATCH", json.dumps({"rrsets": [{"name": set_of, "type": "TXT", "ttl": 60, "changetype": "REPLACE" if records else "DELETE", "records": records}]}).encode())
"""
LEGO_RAW = """#!/usr/bin/python3
import base64, hashlib, os, subprocess, sys
action, dashes, domain, token, proof = sys.argv[1:]
assert dashes == "--" and proof.startswith(token + ".")
value = base64.urlsafe_b64encode(hashlib.sha256(proof.encode()).digest()).decode().rstrip("=")
os.environ.update(CERTBOT_DOMAIN=domain, CERTBOT_VALIDATION=value, CERTBOT_REMAINING_CHALLENGES="0", CERTBOT_AUTH_OUTPUT="note-")
sys.exit(subprocess.call([os.path.dirname(sys.argv[0]) + "/hook", {"present": "auth", "cleanup": "cleanup"}[action]]))
"""


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
def bridge(office, pdns, pdns_pebble):
    key = office.folder / "pdns.key"
    key.touch(mode=0o600)
    key.write_text(KEY + "\n")
    for name, text in (("hook", CERTBOT), ("lego", LEGO_RAW)):
        (office.folder / name).write_text(text)
        os.chmod(office.folder / name, 0o755)

    def write(settings):
        office.write(pdns_pebble, providers=f"  own: {{{settings}, zones: [example.org], resolvers: ['{pdns.address}:{pdns.port}'], "
                                            f"authoritative_port: {pdns.port}}}")
        office.run("init", check=0)
        return office

    return write


@pytest.mark.parametrize("kind", ["acmesh-sh", "acmesh-bash", "certbot", "lego-raw"])
def test_renew_when_a_program_of_another_client_writes_then_issued_and_only_ours_is_gone(kind, bridge, office, pdns):
    settings = {
        "acmesh": f"type: acmesh, script: {SCRIPT}, shell: {kind[7:] or 'sh'}, environment: {{PDNSTEST_Url: '{pdns.url}', "
                  "PDNSTEST_Zone: example.org}, secrets: {PDNSTEST_Key: 'file:pdns.key'}",
        "certbot": f"type: certbot, auth_hook: [{office.folder}/hook, auth], cleanup_hook: [{office.folder}/hook, cleanup], "
                   f"environment: {{PDNS_URL: '{pdns.url}'}}, secrets: {{PDNS_KEY: 'file:pdns.key'}}",
        "lego": f"type: exec, protocol: lego-raw, argv: [{office.folder}/lego], environment: {{PDNS_URL: '{pdns.url}'}}, "
                "secrets: {PDNS_KEY: 'file:pdns.key'}",
    }[kind.split("-")[0]]
    shop, name = bridge(settings), f"_acme-challenge.{kind}.example.org"
    pdns.put_txt("example.org", name, [('"foreign"', False)])
    shop.set("shop", [f"{kind}.example.org", f"*.{kind}.example.org"])
    result = shop.run("renew", "-v")
    assert result.code == 0, result
    assert shop.current("shop") is not None
    assert pdns.txt("example.org", name) == [('"foreign"', False)]
    assert KEY not in result.out + result.err


def test_renew_when_a_hook_prints_its_key_then_it_is_masked(bridge, office, pdns):
    talking = office.folder / "talking"
    talking.write_text('#!/bin/sh\necho "my key is $PDNS_KEY" >&2\nexit 77\n')
    os.chmod(talking, 0o755)
    shop = bridge(f"type: certbot, auth_hook: [{talking}], secrets: {{PDNS_KEY: 'file:pdns.key'}}")
    shop.set("shop", ["masked.example.org"])
    result = shop.run("renew", "-v")
    assert result.code == 1, result
    assert "its last words: my key is ***" in result.out + result.err, result
    assert KEY not in result.out + result.err
    assert not shop.sql("SELECT 1 FROM event WHERE text LIKE ?", f"%{KEY}%")
