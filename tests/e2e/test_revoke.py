"""Revocation on real servers: what the CA says of the old certificate at the moment at which the new one is activated."""
import json

import pytest
from servers import served_leaf
from test_main_job import argv


@pytest.fixture
def shop(office, bind, pebble, nginx):
    """Each activation notes what Pebble says of version 1."""
    office.write(pebble, bind)
    note = office.folder / "activate"
    note.write_text(f"""#!/bin/sh
[ -f {office.folder}/serial ] && /usr/bin/python3 - >> {office.folder}/notes <<END
import json, ssl, urllib.request
serial = open("{office.folder}/serial").read()
print(json.load(urllib.request.urlopen("{status_url(pebble)}" + serial, context=ssl._create_unverified_context()))["Status"])
END
exec {nginx.activate}
""")
    note.chmod(0o755)
    office.set("shop", ["shop.example.com"], f"""deploy:
  - files: {{dir: live}}
    check: {argv(nginx.check)}
    activate: {argv([note])}
endpoints:
  - {{endpoint: "shop.example.com:443", connect: "127.0.0.1:{nginx.port}"}}
""")
    office.run("init", check=0)
    nginx.start_when_delivered()
    office.run("renew", check=0)
    (office.folder / "serial").write_text(office.current("shop")[2])
    return office


def status_url(pebble):
    return f"https://127.0.0.1:{pebble.management_port}/cert-status-by-serial/"


def status(pebble, serial):
    return json.loads(pebble.fetch(f"/cert-status-by-serial/{serial}"))["Status"]


def test_revoke_when_current_then_replaced_and_served_first(shop, pebble, nginx):
    old = shop.current("shop")
    result = shop.run("revoke", "shop", "--reason", "superseded", "--yes", "--json", check=0).json()
    assert (result["revoked"], result["replaced"], result["was_current"]) == (True, True, True)
    new = shop.current("shop")
    assert new[1] == 2 and served_leaf(nginx.port) == new[0]
    assert status(pebble, old[2]) == "Revoked" and status(pebble, new[2]) == "Valid"
    assert (shop.folder / "notes").read_text().split() == ["Valid"], "not revoked before the new one was activated"
    again = shop.run("revoke", "shop", "--version", "1", "--reason", "superseded", "--yes", check=0)
    assert "revoked already" in again.out
    assert shop.run("renew", "--json", check=0).json()["figures"]["commits"] == 0


def test_revoke_when_a_target_fails_then_it_waits_and_now_does_not(shop, pebble, nginx):
    old = shop.current("shop")
    path = shop.folder / "sets.d" / "shop.yaml"
    good = path.read_text()
    path.write_text(good.replace(argv([shop.folder / "activate"]), "['/bin/false']"))
    shop.run("renew")
    waits = shop.run("revoke", "shop", "--reason", "keyCompromise", "--yes", check=1)
    assert "not revoked yet" in waits.err and "may still serve it" in waits.err and "files:" in waits.err, waits
    assert status(pebble, old[2]) == "Valid"
    assert shop.sql("SELECT compromised_at_ms IS NOT NULL FROM private_key WHERE spki = ?", old[3]) == [(1,)]
    shop.run("revoke", "shop", "--version", "1", "--reason", "keyCompromise", "--now", "--by-key", "--yes")
    assert status(pebble, old[2]) == "Revoked"
    path.write_text(good)
    shop.run("deploy", "shop", check=0)
    assert served_leaf(nginx.port) == shop.current("shop")[0] != old[0]


def test_revoke_when_now_then_replaced_in_the_same_run(shop, pebble, nginx):
    old = shop.current("shop")
    shop.run("revoke", "shop", "--reason", "1", "--now", "--yes", check=0)
    assert status(pebble, old[2]) == "Revoked"
    assert served_leaf(nginx.port) == shop.current("shop")[0] != old[0]
    assert (shop.folder / "notes").read_text().split() == ["Revoked"]
