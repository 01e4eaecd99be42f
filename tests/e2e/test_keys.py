"""An ECDSA and an RSA certificate as one unit, on Pebble, BIND and nginx, looked at with openssl s_client."""
import re
import subprocess

import pytest
from servers import Nginx
from test_main_job import argv

FAMILIES = {"ecdsa": ("ECDSA+SHA256:ECDSA+SHA384", "id-ecPublicKey"), "rsa": ("RSA-PSS+SHA256:RSA+SHA256", "rsaEncryption")}


class TwoPairs(Nginx):
    def __init__(self, folder, certificates, port=None):
        super().__init__(folder, certificates, port)
        text = self.config.read_text()
        live = f"{certificates}/current"
        more = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {live}/fullchain.rsa.pem; ssl_certificate_key {live}/key.rsa.pem;\n        location /"
        self.config.write_text(text.replace("location /", more))


@pytest.fixture
def pairs(tmp_path, office, bind, pebble):
    server = TwoPairs(tmp_path / "nginx", office.folder / "live")
    office.write(pebble, bind)
    office.set("shop", ["shop.example.com", "*.shop.example.com"], f"""keys: [ecdsa-p256, rsa-2048]
deploy:
  - files: {{dir: live, formats: [key, fullchain, combined, pkcs12]}}
    check: {argv(server.check)}
    activate: {argv([server.activate])}
endpoints:
  - {{endpoint: "shop.example.com:443", connect: "127.0.0.1:{server.port}"}}
""")
    office.run("init", check=0)
    server.start_when_delivered()
    yield server
    server.stop()


def served(port, family, tls):
    """Serial and kind of key of what a client meets that can do nothing but this family."""
    signatures, _ = FAMILIES[family]
    talk = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "shop.example.com", tls,
                           "-sigalgs", signatures], input=b"", capture_output=True, timeout=20)
    said = talk.stdout
    assert b"BEGIN CERTIFICATE" in said, (family, tls, talk)
    leaf = subprocess.run(["openssl", "x509", "-noout", "-serial", "-text"], input=said, capture_output=True, check=True).stdout.decode()
    kind = re.search(r"Public Key Algorithm: (\S+)", leaf).group(1)
    return re.search(r"serial=0*(\w+)", leaf).group(1).lower(), kind


def check_served(office, port):
    held = dict(office.sql("SELECT lane, serial FROM certificate WHERE current = 1"))
    assert sorted(held) == ["ecdsa", "rsa"]
    for family, (_, kind) in FAMILIES.items():
        for tls in ("-tls1_2", "-tls1_3"):
            assert served(port, family, tls) == (held[family].lstrip("0").lower(), kind)


def test_renew_when_two_kinds_then_one_unit_is_served_to_each_client(office, pairs, bind, pebble):
    office.run("renew", check=0)
    check_served(office, pairs.port)
    live = office.folder / "live" / "current"
    assert sorted(p.name for p in live.iterdir()) == sorted(
        f"{name}{kind}.{end}" for kind in ("", ".rsa") for name, end in
        (("key", "pem"), ("fullchain", "pem"), ("combined", "pem"), ("bundle", "p12")))
    assert len(list((office.folder / "live" / "versions").iterdir())) == 1, "one version holds both"
    assert office.sql("SELECT count(*) FROM event WHERE event = 'deploy.done'") == [(1,)], "one reload for both"
    assert office.sql("SELECT lane, verdict FROM observation ORDER BY lane") == [("ecdsa", "match"), ("rsa", "match")]
    assert bind.all_txt() == []
    shown = office.run("show", "shop", "--json", check=0).json()
    assert shown["certificate"]["key"] == "ecdsa-p256"
    assert [c["key"] for c in shown["other_certificates"]] == ["rsa-2048"]
    assert "ecdsa-p256 + rsa-2048" in office.run("status", "--json", check=0).out
    rsa = office.run("export", "shop", "--key-kind", "rsa", check=0).out
    assert rsa == (live / "fullchain.rsa.pem").read_text()

    # By hand: both, and served again.
    office.run("renew", "--force", "shop", check=0)
    assert office.sql("SELECT count(*) FROM certificate") == [(4,)]
    check_served(office, pairs.port)
    result = office.run("renew", "--json", check=0).json()
    assert result["figures"]["commits"] == 0


def test_verify_when_the_server_has_one_kind_only_then_it_is_told(office, pairs):
    office.run("renew", check=0)
    text = pairs.config.read_text()
    pairs.config.write_text(re.sub(r"ssl_certificate \S+rsa.pem; ssl_certificate_key \S+rsa.pem;", "", text))
    subprocess.run(pairs.reload, check=True)
    result = office.run("deploy", "--force", "shop")
    result = office.run("verify", check=1)
    assert "has no certificate of this kind of key" in result.err, result
    assert dict(office.sql("SELECT lane, verdict FROM observation")) == {"ecdsa": "match", "rsa": "no-such-key"}


def test_config_when_two_of_one_family_then_the_rule_is_said(office, bind, pebble):
    office.write(pebble, bind)
    office.set("shop", ["shop.example.com"], "keys: [ecdsa-p256, ecdsa-p384]")
    result = office.run("check")
    assert result.code == 2
    assert "at most one ECDSA and one RSA key" in result.out + result.err, result
    office.set("shop", ["shop.example.com"], "keys: [ecdsa-p256, rsa-2048]\nkey: rsa-2048")
    result = office.run("check")
    assert result.code == 2
    assert "there is key as well" in result.out + result.err, result
