"""The pre-flight with real servers: a signed zone that holds, one that does not, and CAA records in BIND."""
import time

import dns.dnssec
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import pytest
from servers import Bind, Pebble

CHILDREN = ("good.test", "bad.test")


class SignedWorld:
    """BIND signs `test` and two zones below it. The parent vouches for the key of one, and for a key that the other does not have."""

    def __init__(self, folder):
        self.bind = Bind(folder, zones=("test",) + CHILDREN, zone_options=f'dnssec-policy default; key-directory "{folder}";',
                         update_types="ANY")
        try:
            self.update("test", [(f"{child}.", 60, "NS", f"ns1.{child}.") for child in CHILDREN] +
                        [(f"ns1.{child}.", 60, "A", "127.0.0.1") for child in CHILDREN] +
                        [("good.test.", 60, "DS", self.ds(self.key("good.test"), "good.test")),
                         ("bad.test.", 60, "DS", self.ds(self.key("good.test"), "bad.test"))])
            self.anchor = folder / "anchor.key"
            self.anchor.write_text(f"; the island that the tests trust\ntest. 60 IN DNSKEY {self.key('test').to_text()}\n")
        except BaseException:
            self.bind.stop()
            raise

    def ask(self, name, kind):
        query = dns.message.make_query(name, kind, want_dnssec=True)
        return dns.query.tcp(query, self.bind.address, port=self.bind.port, timeout=5)

    def key(self, zone):
        """The zone's key, once BIND has signed the zone with it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.ask(zone, "DNSKEY").answer
            if any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer):
                return next(rrset for rrset in answer if rrset.rdtype == dns.rdatatype.DNSKEY)[0]
            time.sleep(0.05)
        raise AssertionError(f"BIND did not sign {zone}")

    @staticmethod
    def ds(key, zone):
        return dns.dnssec.make_ds(dns.name.from_text(zone), key, "SHA256").to_text()

    def update(self, zone, records):
        ring = dns.tsigkeyring.from_text({"chancery.": self.bind.secret})
        update = dns.update.Update(zone, keyring=ring, keyalgorithm=self.bind.algorithm)
        for record in records:
            update.add(*record)
        reply = dns.query.tcp(update, self.bind.address, port=self.bind.port, timeout=10)
        assert reply.rcode() == dns.rcode.NOERROR, reply


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    signed = SignedWorld(tmp_path_factory.mktemp("signed"))
    yield signed
    signed.bind.stop()


@pytest.fixture(scope="module")
def ca(tmp_path_factory, world):
    server = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{world.bind.address}:{world.bind.port}", authz_reuse=0,
                    caaIdentities=["pebble.test"])
    yield server
    server.stop()


def settle(office, world, ca):
    office.write(ca, world.bind, extra=f"dnssec: {{trust_anchor: {world.anchor}, "
                                       f"resolvers: ['{world.bind.address}:{world.bind.port}']}}")
    office.run("init", check=0)


def n_validations(ca):
    return ca.log().count("Pulled a task from the Tasks queue")


def test_zone_that_is_signed_well_gets_its_certificate(office, world, ca):
    settle(office, world, ca)
    office.set("good", ["www.good.test"])
    before = n_validations(ca)
    office.run("renew", check=0)
    assert office.current("good") is not None
    assert n_validations(ca) == before + 1, ca.log()


def test_bogus_zone_is_refused_before_a_challenge_is_answered(office, world, ca):
    settle(office, world, ca)
    office.set("bad", ["www.bad.test"])
    before = n_validations(ca)
    result = office.run("renew")
    assert result.code != 0, result
    failure = office.sql("SELECT failure FROM domain_set WHERE name = 'bad'")[0][0]
    assert "DNSSEC of bad.test is bogus" in failure and "mend the DS at its parent" in failure, failure
    assert n_validations(ca) == before, "the CA was asked to validate"
    assert world.bind.txt("_acme-challenge.www.bad.test") == []


def test_check_online_tells_what_the_ca_would_find(office, world, ca):
    settle(office, world, ca)
    office.set("good", ["www.good.test", "*.wild.good.test"])
    office.run("renew", check=0)
    url = office.sql("SELECT url FROM account")[0][0]
    office.set("bad", ["www.bad.test"])
    result = office.run("check", "--online", "--json", check=2)
    found = {view["set"]: view for view in result.json()["online"]}
    good, bad = found["good"], found["bad"]
    assert good["verdict"] == "clear" and good["caa_identities"] == ["pebble.test"] and good["account_url"] == url, good
    assert [(n["caa"], n["dnssec"], n["zone"]) for n in good["names"]] == [("permitted", "secure", "good.test")] * 2, good
    value = f"pebble.test; accounturi={url}; validationmethods=dns-01"
    assert good["recommended"] == [{"owner": "good.test", "flags": 0, "tag": "issue", "value": value},
                                   {"owner": "good.test", "flags": 0, "tag": "issuewild", "value": value}], good
    assert bad["verdict"] == "refused" and bad["names"][0]["dnssec"] == "bogus", bad
    faults = [f for f in result.json()["findings"] if f["level"] == "error"]
    assert len(faults) == 1 and faults[0]["file"].endswith("bad.yaml") and faults[0]["line"] == 1, faults
    text = office.run("check", "--online", check=2)
    assert f'would suit: good.test. CAA 0 issue "{value}"' in text.out, text
    assert "bad.yaml:1:8: at pebble: pre-flight: www.bad.test: DNSSEC of bad.test is bogus" in text.out, text


def test_check_online_tells_a_profile_that_is_not_offered(office, world, ca):
    settle(office, world, ca)
    office.set("good", ["www.good.test"])
    office.run("renew", check=0)
    for profile in ca.directory()["meta"].get("profiles", {}):
        office.set("good", ["www.good.test"], f"profile: {profile}")
        assert office.run("check", "--online", "--json", check=0).json()["online"][0]["profile"] == profile
    office.set("good", ["www.good.test"], "profiles: {pebble: nosuch}")
    result = office.run("check", "--online", check=2)
    assert "good.yaml:2:" in result.out and 'at pebble: profile "nosuch": the CA ' in result.out, result


def test_caa_of_another_ca_is_refused_until_it_is_changed(office, world, ca):
    settle(office, world, ca)
    office.set("good", ["*.shop.good.test"])
    world.update("good.test", [("shop.good.test.", 60, "CAA", '0 issue "pebble.test"'),
                               ("shop.good.test.", 60, "CAA", '0 issuewild "other.test"')])
    before = n_validations(ca)
    assert office.run("renew").code != 0
    failure = office.sql("SELECT failure FROM domain_set WHERE name = 'good'")[0][0]
    assert 'CAA of shop.good.test: 0 issuewild "other.test" does not permit pebble.test to issue wildcards' in failure, failure
    assert n_validations(ca) == before, "the CA was asked to validate"
    url = office.sql("SELECT url FROM account")[0][0]
    world.update("good.test", [("shop.good.test.", 60, "CAA",
                                f'0 issuewild "pebble.test; accounturi={url}; validationmethods=dns-01"')])
    office.run("renew", "--force", "good", check=0)
    assert office.current("good") is not None
