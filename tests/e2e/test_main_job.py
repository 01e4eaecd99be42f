"""The main job on real servers: Pebble, BIND, nginx."""
import os
import subprocess
import time

import pytest
import stores
from servers import Bind, Pebble, has_ipv6, served_leaf, wait_until

FILES = """deploy:
  - files: {{dir: live, mode: "0640"}}
    check: {check}
    activate: {activate}
endpoints:
  - {{endpoint: "shop.example.com:443", connect: "127.0.0.1:{port}"}}
"""


def argv(words):
    return "[" + ", ".join(f"'{w}'" for w in words) + "]"


@pytest.fixture
def shop(office, bind, pebble, nginx):
    office.write(pebble, bind)
    office.set("shop", ["shop.example.com", "*.shop.example.com"],
               FILES.format(check=argv(nginx.check), activate=argv([str(nginx.activate)]), port=nginx.port))
    office.run("init", check=0)
    nginx.start_when_delivered()
    return office


def test_renew_when_new_then_issued_delivered_and_served(shop, bind, nginx):
    result = shop.run("renew", check=0)
    sha256, version, _, _ = shop.current("shop")
    assert version == 1, result
    assert served_leaf(nginx.port) == sha256
    assert bind.all_txt() == []
    live = shop.folder / "live" / "current"
    assert (live / "key.pem").stat().st_mode & 0o777 == 0o640
    key = subprocess.run(["openssl", "pkey", "-in", live / "key.pem", "-pubout"], capture_output=True, check=True).stdout
    leaf = subprocess.run(["openssl", "x509", "-in", live / "cert.pem", "-noout", "-pubkey"], capture_output=True, check=True).stdout
    assert key == leaf


def test_renew_when_done_then_nobody_is_asked(shop, bind, pebble):
    shop.run("renew", check=0)
    n_ca, n_dns = len(pebble.log()), len(bind.query_log())
    result = shop.run("renew", "--json", check=0)
    assert result.json()["figures"]["http_requests"] == 0
    assert result.json()["figures"]["dns_questions"] == 0
    time.sleep(0.2)
    assert (len(pebble.log()), len(bind.query_log())) == (n_ca, n_dns)


def test_renew_when_a_name_is_added_then_reissued_and_served(shop, nginx):
    shop.run("renew", check=0)
    before = served_leaf(nginx.port)
    path = shop.folder / "sets.d" / "shop.yaml"
    path.write_text(path.read_text().replace("names: [", "names: ['pay.example.com', "))
    plan = shop.run("plan")
    assert "pay.example.com" in plan.out
    shop.run("renew", check=0)
    assert shop.current("shop")[1] == 2
    assert served_leaf(nginx.port) == shop.current("shop")[0] != before


def test_renew_when_reload_fails_then_old_is_served_and_exit_1(shop, nginx):
    shop.run("renew", check=0)
    old = shop.current("shop")
    path = shop.folder / "sets.d" / "shop.yaml"
    good = path.read_text()
    path.write_text(good.replace("names: [", "names: ['pay.example.com', ").replace(argv([str(nginx.activate)]), "['/bin/false']"))
    result = shop.run("renew", check=1)
    assert "shop" in result.err
    assert served_leaf(nginx.port) == old[0]
    assert shop.current("shop")[1] == 2, "issuing must not depend on delivery"
    assert (shop.folder / "live" / "current").resolve().name.startswith("1-"), "rolled back"
    # The next run has nothing to issue and still says that a target is behind.
    assert shop.run("renew").code == 1
    path.write_text(good.replace("names: [", "names: ['pay.example.com', "))
    shop.run("deploy", "--force", "shop", check=0)
    assert served_leaf(nginx.port) == shop.current("shop")[0]
    assert shop.current("shop")[1] == 2


def test_renew_when_the_endpoint_serves_the_old_one_then_exit_1_and_a_plain_sentence(shop, nginx):
    """The story at midnight: the files are right, the server never reloaded."""
    shop.run("renew", check=0)
    path = shop.folder / "sets.d" / "shop.yaml"
    path.write_text(path.read_text().replace("names: [", "names: ['pay.example.com', ")
                    .replace(argv([str(nginx.activate)]), "['/bin/true']"))
    result = shop.run("renew", check=1)
    assert "serves an older certificate of this set" in result.err, result
    assert (shop.folder / "live" / "current").resolve().name.startswith("2-"), "the files are right"
    assert shop.run("renew").code == 1, "and it is said again until it is mended"
    subprocess.run(nginx.reload, check=True)
    wait_until("nginx reloads", lambda: served_leaf(nginx.port) == shop.current("shop")[0])
    shop.run("verify", check=0)


@pytest.mark.parametrize("kind", ["ecdsa-p384", "rsa-2048"])
def test_renew_when_other_key_kind_then_issued(office, bind, pebble, kind):
    office.write(pebble, bind, defaults=f"defaults: {{key: {kind}}}")
    office.set("keys", [f"{kind}.example.com"])
    office.run("init", check=0)
    office.run("renew", check=0)
    assert office.sql("SELECT key_kind FROM certificate WHERE current = 1") == [(kind,)]


@pytest.mark.parametrize("reuse", [0, 50])
def test_renew_when_authorizations_are_reused_or_not_then_issued(tmp_path, office, bind, reuse):
    pebble = Pebble(tmp_path / "pebble", dns=f"{bind.address}:{bind.port}", authz_reuse=reuse)
    try:
        office.write(pebble, bind)
        office.set("many", [f"n{i}.example.com" for i in range(10)] + ["*.example.net"])
        office.run("init", check=0)
        office.run("renew", check=0)
        office.run("issue", "many", check=0)
        assert office.current("many")[1] == 2
        assert bind.all_txt() == []
    finally:
        pebble.stop()


def test_renew_when_a_secondary_lags_then_it_is_awaited(tmp_path, office):
    """The CA asks the secondary, over IPv6, which fetches the zone from the primary only every few seconds."""
    if not has_ipv6():
        pytest.skip("LOUD: this machine has no ::1, so a secondary with an address of its own cannot be shown")
    port_holder = Bind(tmp_path / "ns1", zones=("lag.example",), ns=(("ns1", "127.0.0.1"), ("ns2", "::1")), notify=False)
    second = Bind(tmp_path / "ns2", zones=("lag.example",), address="::1", port=port_holder.port, primary=port_holder)
    pebble = Pebble(tmp_path / "pebble", dns=f"[::1]:{second.port}")
    try:
        wait_until("the secondary has the zone", lambda: second.server.alive() and second.has("lag.example"))
        office.write(pebble, port_holder)
        office.set("lag", ["www.lag.example"])
        office.run("init", check=0)
        begin = time.monotonic()
        office.run("renew", check=0)
        assert office.current("lag") is not None
        assert "_acme-challenge.www.lag.example IN TXT" in second.query_log(), "the secondary was asked"
        assert time.monotonic() - begin < 60
    finally:
        for server in (pebble, second, port_holder):
            server.stop()


def test_renew_when_dry_run_then_nothing_is_stored_or_delivered(shop, pebble, office, bind):
    text = office.config.read_text()
    office.config.write_text(text.replace("agree_tos: true", f"staging: {pebble.url}, agree_tos: true"))
    result = office.run("renew", "--dry-run", check=0)
    assert "rehears" in result.out
    assert office.sql("SELECT count(*) FROM certificate") == [(0,)]
    assert not (office.folder / "live" / "current").exists()
    assert bind.all_txt() == []


def test_secrets_when_everything_is_logged_then_no_canary_appears(shop, bind):
    result = shop.run("renew", "--verbose", "--json", check=0)
    seal = (shop.folder / "seal.key").read_text().strip()
    key = "".join((shop.folder / "live" / "current" / "key.pem").read_text().splitlines()[1:-1])
    text = result.out + result.err
    for canary in (bind.secret, seal, key[:60], key[-60:]):
        assert canary not in text
    assert key[20:60].encode() not in shop.database.dump()
    assert stores.ON_SERVER or shop.store.stat().st_mode & 0o077 == 0
