"""dns-account-01 and dns-persist-01 on real servers: Pebble and BIND."""
import json
import re
import time

import pytest
from servers import Pebble

ISSUER = "pebble.letsencrypt.org"


@pytest.fixture(scope="module")
def strict_pebble(tmp_path_factory, bind):
    """Every order is validated anew, and the CA says who it is."""
    server = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{bind.address}:{bind.port}", authz_reuse=0, nonce_reject=0,
                    caaIdentities=[ISSUER])
    yield server
    server.stop()


def told(office, *argv):
    """The result of a run; a Pebble that is too old cannot be tried."""
    result = office.run(*argv)
    if "offers no dns-" in result.err:
        pytest.skip("LOUD: this Pebble is older than 2.10 and offers neither dns-account-01 nor dns-persist-01")
    return result


@pytest.fixture
def shop(office, bind, strict_pebble):
    office.write(strict_pebble, bind)
    office.run("init", check=0)
    yield office
    for _, value in bind.all_txt():
        assert ISSUER not in value, "a standing record was left behind"


def test_renew_when_account_challenge_then_issued_below_the_label(shop, bind):
    shop.set("shop", ["shop.example.com", "*.shop.example.com"], "challenge: dns-account-01")
    result = told(shop, "renew")
    assert result.code == 0, result
    assert shop.current("shop")[1] == 1
    assert bind.all_txt() == []
    assert re.search(r"adding an RR at '_[a-z2-7]{16}\._acme-challenge\.shop\.example\.com' TXT", bind.query_log())
    assert "'_acme-challenge.shop.example.com' TXT" not in bind.query_log()


def test_persist_when_published_once_then_two_certificates_without_a_change_in_dns(shop, bind):
    shop.set("shop", ["*.example.net", "example.net"], "challenge: dns-persist-01")
    refused = told(shop, "renew")
    assert refused.code in (1, 2), refused
    assert "no standing record at _validation-persist.example.net" in refused.err
    assert "chancery persist shop --publish" in refused.err
    printed = shop.run("persist", "shop", "--json", check=0).json()["records"]
    assert [r["owner"] for r in printed] == ["_validation-persist.example.net"]
    assert not printed[0]["published"] and bind.txt("_validation-persist.example.net") == []

    shop.run("persist", "shop", "--publish", "--for", "365d", check=0)
    record = bind.txt("_validation-persist.example.net")
    assert len(record) == 1 and record[0].startswith(f"{ISSUER}; accounturi=https://127.0.0.1:"), record
    assert "; policy=wildcard; persistUntil=" in record[0]
    n_changes = bind.query_log().count("adding an RR at") + bind.query_log().count("deleting an RR at")
    for version in (1, 2):
        shop.run("issue", "shop", check=0)
        assert shop.current("shop")[1] == version
    time.sleep(0.2)
    assert bind.query_log().count("adding an RR at") + bind.query_log().count("deleting an RR at") == n_changes
    assert bind.txt("_validation-persist.example.net") == record
    assert bind.all_txt() == [("_validation-persist.example.net", record[0])], "nothing else, and no run sweeps it"
    shown = shop.run("persist", "shop", check=0)
    assert f'_validation-persist.example.net. IN TXT "{record[0]}"' in shown.out, "as a zone file has it"

    standing = shop.run("show", "shop", "--json", check=0).json()["standing"]
    assert [(r["value"], r["state"]) for r in standing] == [(record[0], "served")]

    removed = shop.run("persist", "shop", "--remove", check=0)
    assert "1 standing record" in removed.out
    assert bind.txt("_validation-persist.example.net") == []
    assert "no standing record" in shop.run("persist", "shop", "--remove", check=0).out, "again is done"
    assert "no standing record" in shop.run("issue", "shop").err
    assert shop.current("shop")[1] == 2, "what is held stays"


def test_persist_when_it_ends_soon_then_status_plan_and_check_warn(shop, bind):
    shop.set("soon", ["soon.example.com"], "challenge: dns-persist-01")
    shop.run("account", "register", "pebble", check=0)
    shop.run("persist", "soon", "--publish", "--for", "1h", check=0)
    sql = shop.sql("SELECT until_at_ms - created_at_ms, published_at_ms IS NOT NULL FROM persist")
    assert 3590_000 <= sql[0][0] <= 3600_000 and sql[0][1] == 1
    assert json.loads(shop.run("status", "--json").out)["standing_troubles"] == []
    # Time that has passed is told by the row, for the clock of the machine is nobody's to change.
    shop.database.change("UPDATE persist SET created_at_ms = created_at_ms - 3600000, until_at_ms = until_at_ms - 3000000")
    for command in (["status"], ["plan"], ["check", "--online"]):
        result = shop.run(*command)
        assert "standing record at _validation-persist.soon.example.com: it ends on" in result.out + result.err, (command, result)
    shop.run("persist", "soon", "--publish", check=0)
    assert len(bind.txt("_validation-persist.soon.example.com")) == 1, "the new one took the place of the old"
    assert "standing record" not in shop.run("status").out
    shop.run("persist", "soon", "--remove", check=0)


def test_persist_when_the_line_is_wrong_then_nothing_happens(shop):
    shop.set("shop", ["shop.example.com"], "challenge: dns-persist-01")
    for line, part in ((["nobody"], "nobody"), (["shop", "--until", "soon"], "--until"), (["shop", "--for", "x"], "--for"),
                       (["shop", "--until", "2001-01-01"], "future"), (["shop", "--remove", "--publish"], "--remove"),
                       (["shop", "--for", "1d", "--until", "2099-01-01"], "give one")):
        assert part in shop.run("persist", *line, check=2).err, line
    assert "account register pebble" in shop.run("persist", "shop", check=2).err, "no account yet"
