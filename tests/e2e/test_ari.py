"""Renewal information (RFC 9773) and profiles with Pebble: the CA moves a window, and what it offers."""
import json

import pytest

from servers import Pebble


@pytest.fixture(scope="module")
def pebble(tmp_path_factory, bind):
    server = Pebble(tmp_path_factory.mktemp("pebble-ari"), f"{bind.address}:{bind.port}", nonce_reject=0,
                    profiles={"long": {"description": "90 days", "validityPeriod": 7776000},
                              "short": {"description": "six days", "validityPeriod": 518400}})
    if "profiles" not in server.directory()["meta"]:
        server.stop()
        pytest.skip("LOUD: this Pebble knows neither profiles nor ARI; tests/run.sh fetches one that does")
    yield server
    server.stop()


@pytest.fixture
def shop(office, pebble, bind):
    office.write(pebble, bind)
    office.set("shop", ["www.example.com"], "profile: long")
    office.run("init", check=0)
    office.run("renew", check=0)
    return office


def set_window(pebble, office, answer):
    """What Pebble says of the current certificate from now on."""
    pem = office.run("export", "shop", "--format", "cert", check=0).out
    assert pem.startswith("-----BEGIN CERTIFICATE-----"), pem
    pebble.fetch("/set-renewal-info/", json.dumps({"certificate": pem, "ariResponse": answer}).encode())


def look_again(office):
    """As if the time of the next look had come."""
    office.database.change("UPDATE ari SET next_at_ms = 0")


def n_renewal_info(pebble):
    return pebble.log().count("/draft-ietf-acme-ari-03/renewalInfo/")


def test_ari_when_the_window_moves_into_the_past_then_reissued_once_and_quiet(shop, pebble):
    first = shop.current("shop")
    plan = shop.run("plan", "shop", "--json", check=0).json()["plan"][0]
    assert plan["due_rule"] == "ari" and "the CA asks for it between" in plan["why"], plan
    set_window(pebble, shop, json.dumps({
        "suggestedWindow": {"start": "2026-01-01T00:00:00.5Z", "end": "2026-01-02T00:00:00+02:00"},
        "explanationURL": "https://ca.example/incident/7"}))
    look_again(shop)
    log_before = len(pebble.log())
    shop.run("renew", check=0)
    second = shop.current("shop")
    assert second[1] == first[1] + 1 and second[2] != first[2]
    order = shop.sql("SELECT why, replaces, memory FROM orders WHERE set_name = 'shop' ORDER BY id DESC LIMIT 1")[0]
    ari_id = shop.sql("SELECT ari_id FROM certificate WHERE serial = ?", first[2])[0][0]
    assert "https://ca.example/incident/7" in order[0] and order[1] == ari_id, order
    # Pebble took the predecessor, unless its serial number is one of the few it cannot read itself.
    assert "without_replaces" not in order[2] or len(first[2]) < 16, order
    history = shop.run("history", "shop", check=0).out
    assert "renewal.moved" in history and "https://ca.example/incident/7" in history
    log = pebble.log()[log_before:]
    assert log.count("POST /order-plz -> calling handler()") <= 2
    # Once, and then quiet.
    before = len(pebble.log())
    again = shop.run("renew", check=0)
    assert len(pebble.log()) == before, pebble.log()[before:]
    assert shop.current("shop")[1] == second[1], again
    status = shop.run("status", "--json", check=0).json()["sets"][0]["certificate"]
    assert status["due_rule"] == "ari" and status["ari"]["explanation_url"] is None, status
    assert shop.run("show", "shop", "--json", check=0).json()["ari"]["failures"] == 0


def test_ari_when_the_answer_is_garbage_then_what_is_known_stays_and_life_is_the_fallback(shop, pebble):
    version = shop.current("shop")[1]
    due = shop.sql("SELECT due_at_ms FROM certificate WHERE set_name = 'shop' AND current = 1")
    for garbage in ("not json", "{}", '{"suggestedWindow": {"start": "2030-01-02T00:00:00Z", "end": "2030-01-01T00:00:00Z"}}'):
        set_window(pebble, shop, garbage)
        look_again(shop)
        shop.run("renew", check=0)
        assert shop.sql("SELECT due_at_ms FROM certificate WHERE set_name = 'shop' AND current = 1") == due
        failure, failures = shop.sql("SELECT failure, n_failures FROM ari")[0]
        assert failure and failures > 0
    assert shop.current("shop")[1] == version


def test_ari_when_the_ca_is_down_then_no_run_fails_and_it_is_asked_again_soon(shop, pebble):
    look_again(shop)
    pebble.stop()
    try:
        shop.run("renew", check=0)
        ((next_at, failures),) = shop.sql("SELECT next_at_ms, n_failures FROM ari")
        assert failures == 1 and next_at > 0
    finally:
        pebble.start()


def test_profile_when_offered_then_its_life_and_when_not_then_the_offer_is_told(office, pebble, bind):
    office.write(pebble, bind)
    office.set("shop", ["www.example.com"], "profile: short")
    office.run("init", check=0)
    office.run("renew", check=0)
    before, after = office.sql("SELECT not_before_at_ms, not_after_at_ms FROM certificate")[0]
    assert abs(after - before - 518400_000) < 10_000
    office.set("shop", ["www.example.com"], "profile: shorter")
    issued = pebble.n_issued()
    result = office.run("renew")
    assert result.code != 0
    assert "one of long, short" in result.out + result.err, result
    assert pebble.n_issued() == issued and office.current("shop")[1] == 1


def test_check_when_more_names_than_the_profile_may_have_then_told_before_anything_is_ordered(office, bind):
    office.write(bind=bind, authorities="  le: {directory: 'https://acme-v02.api.letsencrypt.org/directory', agree_tos: true}")
    path = office.set("shop", [f"n{i}.example.com" for i in range(25)], "profile: tlsserver")
    assert office.run("check").code == 0
    office.set("shop", [f"n{i}.example.com" for i in range(26)], "profile: tlsserver")
    result = office.run("check")
    assert result.code == 2, result
    assert f"{path}:1:" in result.out + result.err and "may have 25" in result.out + result.err, result
