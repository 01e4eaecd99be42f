"""A provider that is data, against the real thing: PowerDNS by its HTTP API."""
import os

import pytest
from powerdns import KEY, Counter, PowerDNS
from servers import Pebble

NAME = "_acme-challenge.shop.example.org"


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
def shop(office, pdns, pdns_pebble):
    key = office.folder / "pdns.key"
    key.touch(mode=0o600)
    key.write_text(KEY + "\n")
    os.chmod(key, 0o600)
    office.write(pdns_pebble, providers=(
        f"  own: {{type: pdns, zones: [example.org], base_url: '{pdns.url}', key: 'file:pdns.key', "
        f"resolvers: ['{pdns.address}:{pdns.port}'], authoritative_port: {pdns.port}}}"))
    office.run("init", check=0)
    return office


def test_renew_when_the_provider_is_data_then_issued_and_values_of_others_stay_as_they_were(shop, pdns):
    foreign = [('"not ours; \\"quoted\\" and \\\\ all"', False), ('"switched off"', True)]
    pdns.put_txt("example.org", NAME, foreign)
    shop.set("shop", ["shop.example.org", "*.shop.example.org"])
    result = shop.run("renew", "-v")
    assert result.code == 0, result
    assert shop.current("shop") is not None
    assert pdns.txt("example.org", NAME) == sorted(foreign)
    assert pdns.ttl("example.org", NAME) == 300, "the TTL of a set with values of others is theirs as well"
    assert KEY not in result.out + result.err


def test_renew_when_nothing_else_is_at_the_name_then_the_set_is_gone_afterwards(shop, pdns):
    shop.set("blog", ["blog.example.org"])
    shop.run("renew", check=0)
    assert pdns.txt("example.org", "_acme-challenge.blog.example.org") == []


def test_provider_test_when_the_key_is_wrong_then_it_is_told_and_the_key_is_not(shop):
    path = shop.folder / "pdns.key"
    path.write_text("wrong-" + KEY + "\n")
    result = shop.run("provider", "test", "own", "www.example.org")
    assert result.code != 0
    assert "401" in result.err and KEY not in result.out + result.err, result


def test_renew_when_a_set_has_a_hundred_names_of_one_zone_then_four_writes_at_most(shop, pdns):
    counter = Counter(pdns.url)
    shop.config.write_text(shop.config.read_text().replace(pdns.url, counter.url))
    foreign = [('"not ours"', False)]
    pdns.put_txt("example.org", "_acme-challenge.h7.example.org", foreign)
    shop.set("many", [f"h{i}.example.org" for i in range(100)])
    result = shop.run("renew", "-v", timeout=180)
    counter.stop()
    assert result.code == 0, result
    assert shop.current("many") is not None
    assert 2 <= counter.n_writes() <= 4, counter.calls
    assert len(counter.calls) < 30, counter.calls
    assert pdns.txt("example.org", "_acme-challenge.h7.example.org") == foreign
    assert pdns.txt("example.org", "_acme-challenge.h8.example.org") == []
