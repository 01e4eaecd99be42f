"""When a TXT record counts as served, on real name servers: one lags, one is gone; and where records are delegated to."""
import pytest
from servers import Bind, Pebble, free_port, has_ipv6, wait_until


@pytest.fixture
def two(tmp_path):
    """A primary, a secondary that lags, and a third name server that nobody runs."""
    if not has_ipv6():
        pytest.skip("LOUD: this machine has no ::1, so a secondary with an address of its own cannot be shown")
    ns = (("ns1", "127.0.0.1"), ("ns2", "::1"))
    gone = "@ NS ns3.lag.example.\nns3 A 127.0.0.93\nns3 AAAA fd00:dead::3\n"
    first = Bind(tmp_path / "ns1", zones=("lag.example",), ns=ns, notify=False, extra_records=gone)
    second = Bind(tmp_path / "ns2", zones=("lag.example",), address="::1", port=first.port, primary=first)
    pebble = Pebble(tmp_path / "pebble", dns=f"[::1]:{second.port}")
    wait_until("the secondary has the zone", lambda: second.server.alive() and second.has("lag.example"))
    yield first, second, pebble
    for server in (pebble, second, first):
        server.stop()


def propagation(office, rules, address):
    """The provider of the usual configuration with rules of its own."""
    text = office.config.read_text()
    assert "authoritative_port" in text
    office.config.write_text(text.replace("authoritative_port", f"propagation: {{{rules}}}, authoritative_port"))
    assert f"{address}:" in text


def test_one_server_lags_and_one_is_gone_then_the_one_is_awaited_and_the_other_passed_over(office, two):
    first, second, pebble = two
    office.write(pebble, first)
    office.set("lag", ["www.lag.example"])
    office.run("init", check=0)
    office.run("renew", check=0)
    assert office.current("lag") is not None
    assert "_acme-challenge.www.lag.example IN TXT" in second.query_log(), "the secondary was asked"
    told = office.sql("SELECT text FROM event WHERE event = 'txt.unheard'")
    assert len(told) == 1 and "only 2 of 3 name servers answer" in told[0][0], told
    assert "ns3.lag.example (127.0.0.93" in told[0][0] and "ns2.lag.example ([::1]" in told[0][0], told
    assert first.all_txt() == []


def test_every_server_must_answer_then_the_one_that_is_gone_is_named(office, two):
    first, _second, pebble = two
    office.write(pebble, first)
    propagation(office, "min_answers: all, timeout: 6s", first.address)
    office.set("lag", ["www.lag.example"])
    office.run("init", check=0)
    result = office.run("renew")
    assert result.code == 1, result
    failure = office.sql("SELECT failure FROM domain_set")[0][0]
    assert "2 of 3 answer, at least 3 must" in failure and "ns3.lag.example (127.0.0.93" in failure, failure
    assert "asked last at 20" in failure, failure
    assert first.all_txt() == []


def test_no_name_server_can_be_asked_then_a_fixed_wait_still_works(office, two):
    """As behind a firewall: the resolver works, port 53 of the name servers is out of reach."""
    first, second, pebble = two
    office.write(pebble, first)
    text = office.config.read_text()
    closed = free_port()
    office.config.write_text(text.replace(f"authoritative_port: {first.port}",
                                          f"authoritative_port: {closed}, propagation: {{wait: 5s}}"))
    office.set("lag", ["www.lag.example"])
    office.run("init", check=0)
    office.run("renew", check=0)
    assert office.current("lag") is not None
    assert first.all_txt() == []


def test_check_online_tells_where_records_go_and_what_is_missing(office, tmp_path):
    records = ("_acme-challenge.good CNAME good.proofs.net.\n_acme-challenge.away CNAME x.nobody.org.\n"
               "_acme-challenge.round CNAME _acme-challenge.round\n*.wild CNAME web.proofs.net.\n")
    bind = Bind(tmp_path / "dns", zones=("example.com", "proofs.net", "nobody.org"), extra_records=records)
    try:
        office.write(authorities="  one: {directory: http://127.0.0.1:9/dir, agree_tos: true, caa: ignore}", bind=bind)
        text = office.config.read_text().replace("zones: [example.com, proofs.net, nobody.org]", "zones: [example.com, proofs.net]")
        office.config.write_text(text)
        office.set("good", ["good.example.com", "www.example.com"])
        office.set("wild", ["wild.example.com", "a.wild.example.com"])
        office.set("bad", ["away.example.com", "round.example.com"])
        office.set("alias", ["www.example.com"], "challenge_alias: p.proofs.net")
        office.run("init")
        found = office.run("check", "--online", "--json", check=2).json()
        views = {n["challenge"] + ("+" if n["alias"] else ""): n for one in found["delegations"] for n in one["names"]}
        good = views["_acme-challenge.good.example.com"]
        assert (good["state"], good["owner"], good["zone"], good["provider"]) == \
            ("followed", "good.proofs.net", "proofs.net", "bind"), good
        assert views["_acme-challenge.www.example.com"]["state"] == "direct"
        assert "a wildcard made it up" in views["_acme-challenge.a.wild.example.com"]["text"]
        assert views["_acme-challenge.away.example.com"]["state"] == "unserved"
        turning = views["_acme-challenge.round.example.com"]  # BIND itself gives up on a name that points at itself
        assert turning["state"] == "unknown" and "answers SERVFAIL" in turning["text"], turning
        missing = views["_acme-challenge.www.example.com+"]
        line = "_acme-challenge.www.example.com. IN CNAME p.proofs.net."
        assert (missing["state"], missing["record"]) == ("missing", line), missing
        errors = [f["text"] for f in found["findings"] if f["level"] == "error"]
        assert sum("_acme-challenge." in text for text in errors) == 2, errors
        text = office.run("check", "--online", check=2).out
        assert f"to create: {line}" in text and "_acme-challenge.good.example.com -> good.proofs.net: zone proofs.net, provider bind" in text, text
    finally:
        bind.stop()
