"""Accounts at Pebble: registered, bound, rolled, moved, left."""
import json
import os
import stat
import subprocess

import pytest
from conftest import Office
from servers import Pebble

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def authority(pebble, more=""):
    return f"  pebble: {{directory: {pebble.url}, ca_file: {pebble.ca_file}, agree_tos: true{more}}}"


def office_at(folder, pebble, bind, more=", contact: ['mailto:ops@example.com']"):
    office = Office(folder).write(bind=bind, authorities=authority(pebble, more))
    office.run("init", check=0)
    return office


def account(office):
    return office.run("account", "show", "pebble", "--json", check=0).json()["accounts"][-1]


def events(office, name):
    return office.sql("SELECT count(*) FROM event WHERE event = ?", name)[0][0]


def test_account_when_it_lives_then_rolled_used_left_and_made_again(tmp_path, pebble, bind):
    office = office_at(tmp_path / "office", pebble, bind)
    made = office.run("account", "register", "pebble", "--json", check=0).json()["account"]
    assert made["status"] == "valid" and made["key"] == "ecdsa-p256" and made["hold"] is None, made

    rolled = office.run("account", "rollover", "pebble", "--kind", "ecdsa-p384", "--json", check=0).json()
    assert rolled["outcome"] == "rolled" and rolled["account"]["url"] == made["url"], rolled
    assert rolled["account"]["key"] == "ecdsa-p384" and rolled["account"]["key_spki_sha256"] != made["key_spki_sha256"]
    office.set("shop", ["shop.example.com"])
    office.run("renew", check=0)
    assert office.current("shop") is not None, "the new key orders"

    office.write(bind=bind, authorities=authority(pebble, ", contact: ['mailto:new@example.com']"))
    assert account(office)["contact_to_send"] == ["mailto:new@example.com"]
    assert "account update pebble" in office.run("check").out
    assert office.run("account", "update", "pebble", "--json", check=0).json()["outcome"] == "updated"
    assert office.run("account", "update", "pebble", "--json", check=0).json()["outcome"] == "unchanged"
    assert account(office)["contact"] == ["mailto:new@example.com"] and account(office)["contact_to_send"] is None

    assert "--yes" in office.run("account", "deactivate", "pebble", check=2).err
    office.run("account", "deactivate", "pebble", "--yes", check=0)
    office.run("account", "deactivate", "pebble", "--yes", check=0)
    office.set("more", ["more.example.com"])
    for _ in range(2):
        result = office.run("renew", check=1)
        assert "left to a later run" in result.out, result
    assert events(office, "account.deactivated") == 1 and events(office, "order.failed") == 0
    assert account(office)["hold"] == "deactivated" and "account register pebble" in account(office)["hold_failure"]
    assert office.run("account", "register", "pebble", "--json", check=0).json()["account"]["url"] != made["url"]
    office.run("renew", check=0)
    assert office.current("more") is not None and events(office, "account.resumed") == 1


def test_account_when_deactivated_by_another_then_recognised_once(tmp_path, pebble, bind):
    """Another program with the same key leaves."""
    office, other = office_at(tmp_path / "office", pebble, bind), office_at(tmp_path / "other", pebble, bind)
    office.run("account", "register", "pebble", check=0)
    office.run("account", "export", "pebble", "--out", tmp_path / "key.pem", check=0)
    other.run("account", "import", "pebble", tmp_path / "key.pem", check=0)
    other.run("account", "deactivate", "pebble", "--yes", check=0)
    for name in ("a", "b"):
        office.set(name, [f"{name}.example.com"])
    office.run("renew", check=1)
    office.run("renew", check=1)
    assert events(office, "account.deactivated") == 1 and events(office, "order.failed") == 0
    assert office.sql("SELECT status FROM account") == [("deactivated",)]


def test_account_when_moved_then_the_same_and_its_key_is_no_certificates(tmp_path, pebble, bind):
    old, new = office_at(tmp_path / "old", pebble, bind), office_at(tmp_path / "new", pebble, bind)
    url = old.run("account", "register", "pebble", "--kind", "rsa-2048", "--json", check=0).json()["account"]["url"]
    jwk, pem = tmp_path / "private_key.json", tmp_path / "account.pem"
    old.run("account", "export", "pebble", "--format", "jwk", "--out", jwk, check=0)
    old.run("account", "export", "pebble", "--out", pem, check=0)
    assert [stat.S_IMODE(os.stat(p).st_mode) for p in (jwk, pem)] == [0o600, 0o600]
    assert json.loads(jwk.read_text())["kty"] == "RSA"
    assert old.run("account", "export", "pebble", "--json", check=2).out.count("PRIVATE") == 0

    new.run("account", "import", "pebble", jwk, check=0)
    assert account(new)["url"] == url and account(new)["key"] == "rsa-2048"
    new.set("shop", ["moved.example.com"])
    new.run("renew", check=0)
    assert new.run("account", "import", "pebble", pem, "--json", check=0).json()["account"]["url"] == url, "again: the same"

    new.run("export", "shop", "--format", "key", "--out", tmp_path / "leaf.pem", check=0)
    assert "certificate's" in new.run("account", "import", "pebble", tmp_path / "leaf.pem", "--replace", check=1).err
    stranger = tmp_path / "stranger.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", stranger],
                   check=True, capture_output=True)
    stranger.chmod(0o600)
    assert "--replace" in new.run("account", "import", "pebble", stranger, check=1).err
    assert "accountDoesNotExist" in new.run("account", "import", "pebble", stranger, "--replace", check=1).err
    assert account(new)["url"] == url and account(new)["status"] == "valid"


@pytest.fixture(scope="module")
def binding_pebble(tmp_path_factory, bind):
    server = Pebble(tmp_path_factory.mktemp("bound"), dns=f"{bind.address}:{bind.port}",
                    externalAccountBindingRequired=True, externalAccountMACKeys={"kid-1": MAC_KEY})
    yield server
    server.stop()


def test_account_when_the_ca_binds_then_held_bound_and_the_secrets_may_go(tmp_path, binding_pebble, bind):
    office = office_at(tmp_path / "office", binding_pebble, bind)
    for name in ("a", "b"):
        office.set(name, [f"{name}.example.com"])
    office.run("renew", check=1)
    office.run("renew", check=1)
    assert events(office, "account.binding") == 1 and events(office, "order.failed") == 0
    assert "`eab`" in office.run("check", check=2).out + office.run("check").err

    eab = ", eab: {kid: 'file:kid', key: 'file:mac'}"
    for name, text in (("kid", "kid-1"), ("mac", MAC_KEY)):
        (office.folder / name).touch(mode=0o600)
        (office.folder / name).write_text(text + "\n")
    office.write(bind=bind, authorities=authority(binding_pebble, eab))
    office.run("renew", check=0)
    assert office.current("a") is not None and account(office)["external_binding"] is True
    for name in ("kid", "mac"):
        (office.folder / name).unlink()
    office.run("check", check=0)
    office.run("renew", "--force", "a", check=0)
    assert office.current("a")[1] == 2 and len(office.sql("SELECT id FROM account")) == 1
