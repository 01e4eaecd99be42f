"""rfc2136 against the name servers people run: BIND, PowerDNS, Knot. What others keep at the same name stays, with its TTL."""
import pytest
from servers import Pebble
from update_servers import KINDS

ZONE = "example.com"
NAME = f"_acme-challenge.shop.{ZONE}"


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory):
    one = KINDS[request.param](tmp_path_factory.mktemp(request.param), ZONE)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def ca(tmp_path_factory, server):
    one = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{server.address}:{server.port}", authz_reuse=0)
    yield one
    one.stop()


@pytest.fixture
def shop(office, server, ca):
    office.write(ca, server)
    office.run("init", check=0)
    return office


def test_renew_when_somebody_elses_value_is_there_then_issued_and_only_it_is_left(shop, server):
    server.put_txt(ZONE, NAME, '"not ours; \\"quoted\\" and \\\\ all" "in two"', ttl=777)
    before = server.txt(NAME)
    shop.set("shop", [f"shop.{ZONE}", f"*.shop.{ZONE}"])
    result = shop.run("renew", "-v")
    assert result.code == 0, result
    assert shop.current("shop") is not None
    assert before[1] == ['"not ours; \\"quoted\\" and \\\\ all" "in two"'] and server.txt(NAME)[1] == before[1]
    assert shop.sql("SELECT count(*), count(DISTINCT value) FROM txt WHERE state = 'gone'") == [(2, 2)]
    assert server.secret not in result.out + result.err


def test_provider_test_when_other_values_of_a_renewal_stand_then_one_comes_and_goes(shop, server):
    name = f"_acme-challenge.www.{ZONE}"
    values = ['"VqQwJmXk1"', '"hQ2pZr9-_"']
    for value in values:
        server.put_txt(ZONE, name, value)
    result = shop.run("provider", "test", "bind", f"www.{ZONE}")
    assert result.code == 0, result
    assert server.txt(name)[1] == values


def test_renew_when_nothing_else_is_at_the_name_then_nothing_is_left(shop, server):
    shop.set("blog", [f"blog.{ZONE}", f"*.blog.{ZONE}"])
    shop.run("renew", check=0)
    assert server.txt(f"_acme-challenge.blog.{ZONE}") is None
