"""Which chain goes out, and certificates whose key lives elsewhere: Pebble with alternate roots and longer chains, openssl as the other side."""
import re
import subprocess

import pytest
from servers import Pebble

NAMES = ["www.example.com", "shop.example.com"]


def openssl(*argv, input=None):
    return subprocess.run(["openssl", *map(str, argv)], capture_output=True, text=True, check=True, input=input).stdout


def common_name(pem, what="-subject"):
    return re.search(r"CN ?= ?([^,\n/]+)", openssl("x509", "-noout", what, input=pem)).group(1).strip()


def certificates(text):
    return re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", text, re.S)


@pytest.fixture(scope="module")
def rooted(tmp_path_factory, bind):
    server = Pebble(tmp_path_factory.mktemp("rooted"), dns=f"{bind.address}:{bind.port}", nonce_reject=0, alternate_roots=2, chain_length=3)
    server.roots = [server.root_pem(n) for n in range(3)]
    server.root_names = [common_name(pem) for pem in server.roots]
    yield server
    server.stop()


def ends_at(office, tmp_path, rooted, n):
    """Does what is delivered lead to that root and to no other?"""
    live = office.folder / "live" / "current"
    chain = certificates((live / "chain.pem").read_text())
    assert len(chain) == 3
    assert (live / "fullchain.pem").read_text() == (live / "cert.pem").read_text() + (live / "chain.pem").read_text()
    root = tmp_path / "root.pem"
    root.write_text(rooted.roots[n])
    openssl("verify", "-no-CApath", "-no-CAstore", "-CAfile", root, "-untrusted", live / "chain.pem", live / "cert.pem")
    return common_name(chain[-1], "-issuer") == rooted.root_names[n]


def test_chain_when_it_is_named_changed_or_unknown_then_another_goes_out_and_nothing_is_ordered(office, bind, rooted, tmp_path):
    office.write(rooted, bind)
    count = tmp_path / "activations"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho x >> {count}\n")
    hook.chmod(0o755)
    deploy = f"deploy: [{{files: {{dir: live, formats: [key, cert, chain, fullchain, pkcs12]}}, activate: ['{hook}']}}]"
    office.set("shop", NAMES, f"chain: '{rooted.root_names[2]}'\n{deploy}")
    office.run("init", check=0)
    office.run("renew", check=0)
    assert ends_at(office, tmp_path, rooted, 2)

    shown = office.run("show", "shop", "--json", check=0).json()["chains"]
    assert [one["root"] for one in shown] == rooted.root_names
    assert [one["chosen"] for one in shown] == [False, False, True]
    assert [one["default"] for one in shown] == [True, False, False]

    def change(wish):
        office.set("shop", NAMES, f"{wish}\n{deploy}")
        office.run("renew", check=0)

    before = rooted.n_issued(), len(rooted.log()), office.current("shop")
    p12 = (office.folder / "live" / "current" / "bundle.p12").read_bytes()
    fingerprint = shown[1]["sha256"][-1].upper()
    change("chain: 'sha256:" + ":".join(fingerprint[i:i + 2] for i in range(0, 64, 2)) + "'")
    assert ends_at(office, tmp_path, rooted, 1)
    assert (office.folder / "live" / "current" / "bundle.p12").read_bytes() != p12
    change("chain: No Root Of This Name")
    assert ends_at(office, tmp_path, rooted, 0)
    assert "chain.fallback" in office.run("history", "shop", check=0).out
    change("")
    assert (rooted.n_issued(), len(rooted.log()), office.current("shop")) == before, "no order, no request, the same certificate"
    assert count.read_text().count("x") == 3, "each other chain is activated once, an equal one not at all"

    text = office.run("export", "shop", "--format", "chain", "--chain", rooted.root_names[2], check=0).out
    assert common_name(certificates(text)[-1], "-issuer") == rooted.root_names[2]
    wrong = office.run("export", "shop", "--chain", "Nobody")
    assert wrong.code == 2 and rooted.root_names[1] in wrong.err


def test_request_when_the_key_is_elsewhere_then_only_what_is_public_is_delivered(office, bind, rooted, tmp_path):
    office.write(rooted, bind)
    key, csr = tmp_path / "appliance.key", office.folder / "appliance.csr"

    def request(names):
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr, "-subj", "/",
                "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names))

    request(NAMES[:1])
    path = office.set("appliance", NAMES, "csr: file:appliance.csr\ndeploy: [{files: {dir: live, formats: [cert, combined]}}]")
    office.run("init", check=0)
    wrong = office.run("check")
    assert wrong.code == 2 and re.search(r"appliance\.yaml:3:\d+: .*combined holds the private key", wrong.out + wrong.err), wrong
    office.set("appliance", NAMES, "csr: file:appliance.csr\ndeploy: [{files: {dir: live}}]")
    wrong = office.run("check")
    assert wrong.code == 2 and re.search(r"appliance\.yaml:2:\d+: csr: .*it lacks shop\.example\.com", wrong.out + wrong.err), wrong
    n = rooted.n_issued()
    wrong = office.run("renew")
    assert wrong.code != 0 and "it lacks shop.example.com" in wrong.err
    assert rooted.n_issued() == n and office.sql("SELECT url FROM orders") == [(None,)], "nothing was ordered"

    request(NAMES)
    office.run("renew", "--force", "appliance", check=0)
    live = office.folder / "live" / "current"
    assert sorted(p.name for p in live.iterdir()) == ["cert.pem", "chain.pem", "fullchain.pem"]
    assert openssl("pkey", "-in", key, "-pubout") == openssl("x509", "-in", live / "cert.pem", "-noout", "-pubkey")
    assert office.sql("SELECT key_id FROM certificate") == [(None,)]
    assert "elsewhere" in office.run("show", "appliance", check=0).out
    refused = office.run("export", "appliance", "--format", "key", "--out", tmp_path / "key.pem")
    assert refused.code == 2 and "elsewhere" in refused.err and not (tmp_path / "key.pem").exists()
    office.run("export", "appliance", "--format", "fullchain", "--out", tmp_path / "full.pem", check=0)
    assert path.exists()
