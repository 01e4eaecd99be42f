"""The command line where there is something to look at: one certificate from Pebble, held and delivered."""
import json
import os
import pty
import re
import select
import stat
import subprocess
import time

import pytest
from conftest import PROGRAM, Office


@pytest.fixture(scope="module")
def held(tmp_path_factory, bind, pebble):
    office = Office(tmp_path_factory.mktemp("held") / "office")
    office.write(pebble, bind)
    office.set("shop", ["shop.example.com", "*.shop.example.com"], "deploy:\n  - files: {dir: live}\n")
    office.run("init", check=0)
    office.run("renew", check=0)
    return office


def openssl(*argv, data=None):
    return subprocess.run(["openssl", *map(str, argv)], input=data, capture_output=True, check=True).stdout


def public_key(pem):
    return openssl("pkey", "-pubout", data=pem)


def leaf_key(pem):
    return openssl("x509", "-noout", "-pubkey", data=pem)


def at_a_terminal(office, *argv, say=b"", timeout=30):
    """Runs the program on a terminal of its own; what it shows, and its exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(str(PROGRAM), [str(PROGRAM), *argv, "--config", str(office.config)])
    shown, said, end = b"", False, time.monotonic() + timeout
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if say and not said and b"[y/N]" in shown:
            os.write(fd, say)
            said = True
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(status)


# ---- export ----

@pytest.mark.parametrize("form,n_certificates,has_key", [
    ("fullchain", 2, False), ("cert", 1, False), ("chain", 1, False), ("key", 0, True), ("combined", 2, True), ("keyfirst", 2, True)])
def test_export_when_pem_then_these_parts_in_a_private_file(held, tmp_path, form, n_certificates, has_key):
    path = tmp_path / "out.pem"
    held.run("export", "shop", "--format", form, "--out", path, check=0)
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert text.count("BEGIN CERTIFICATE") >= n_certificates and (n_certificates > 0 or "BEGIN CERTIFICATE" not in text)
    assert ("PRIVATE KEY" in text) == has_key
    if form == "keyfirst":
        assert text.startswith("-----BEGIN PRIVATE KEY")
    if has_key and n_certificates > 0:
        assert public_key(text.encode()) == leaf_key(text.encode())
    if not has_key:
        assert held.run("export", "shop", "--format", form, check=0).out == text
        assert held.run("export", "shop", "--format", form, "--json", check=0).json()["pem"] == text


def test_export_when_into_a_folder_then_four_files(held, tmp_path):
    folder = tmp_path / "new"
    result = held.run("export", "shop", "--format", "pem", "--out", folder, "--json", check=0)
    assert sorted(p.name for p in folder.iterdir()) == ["cert.pem", "chain.pem", "fullchain.pem", "key.pem"]
    assert sorted(result.json()["files"]) == sorted(str(p) for p in folder.iterdir())
    live = held.folder / "live/current"
    for path in folder.iterdir():
        assert path.read_bytes() == (live / path.name).read_bytes(), "the same bytes as delivered"


def test_export_when_p12_then_opens_with_the_password(held, tmp_path):
    (tmp_path / "word").write_text("open sesame\n")
    os.chmod(tmp_path / "word", 0o600)
    held.run("export", "shop", "--format", "p12", "--password", f"file:{tmp_path}/word", "--out", tmp_path / "a.p12", check=0)
    pem = openssl("pkcs12", "-in", tmp_path / "a.p12", "-passin", f"file:{tmp_path}/word", "-nodes")
    assert public_key(pem) == leaf_key(pem)
    wrong = subprocess.run(["openssl", "pkcs12", "-in", tmp_path / "a.p12", "-passin", "pass:", "-nodes"], capture_output=True)
    assert wrong.returncode != 0
    assert held.run("export", "shop", "--format", "p12", "--password", "open sesame", "--out", tmp_path / "b.p12").code == 2


def test_export_when_the_key_would_be_seen_then_refused(held):
    shown, code = at_a_terminal(held, "export", "shop", "--format", "key")
    assert code == 2 and "PRIVATE KEY" not in shown and "--out" in shown, shown
    result = held.run("export", "shop", "--format", "key", "--json")
    assert result.code == 2 and "PRIVATE KEY" not in result.out + result.err
    shown, code = at_a_terminal(held, "export", "shop", "--format", "key", "--stdout")
    assert code == 0 and "PRIVATE KEY" in shown
    assert "PRIVATE KEY" in held.run("export", "shop", "--format", "key", check=0).out, "a pipe is not a terminal"


def test_export_when_the_place_is_a_link_then_not_followed(held, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out.pem").symlink_to(victim)
    result = held.run("export", "shop", "--format", "key", "--out", tmp_path / "out.pem")
    assert result.code == 1 and "link" in result.err, result
    assert victim.read_text() == "precious"


def test_export_when_the_sealing_key_is_away_then_public_parts_only(held, tmp_path):
    seal = held.folder / "seal.key"
    seal.rename(held.folder / "seal.away")
    try:
        assert "BEGIN CERTIFICATE" in held.run("export", "shop", check=0).out
        result = held.run("export", "shop", "--format", "key", "--out", tmp_path / "k.pem", check=5)
        assert "seal.key" in result.err and not (tmp_path / "k.pem").exists(), result
    finally:
        (held.folder / "seal.away").rename(seal)


def test_export_when_words_are_wrong_then_usage(held):
    assert "did you mean \"fullchain\"" in held.run("export", "shop", "--format", "fulchain", check=2).err
    assert "it has: 1" in held.run("export", "shop", "--version", "9", check=2).err
    assert "folder" in held.run("export", "shop", "--format", "pem", check=2).err


# ---- looking ----

def test_status_when_delivered_then_fine(held):
    row = next(line for line in held.run("status", check=0).out.splitlines() if line.startswith("shop"))
    assert re.search(r"^shop\s+fine\s+\d{4}-\d\d-\d\d\s+\d+%\s+1/1\s+0/0\s+renew in ", row), row
    held.run("status", "--strict", check=0)
    one = held.run("status", "--json", check=0).json()["sets"][0]
    assert one["certificate"]["version"] == 1 and one["delivered"] == one["targets"] == 1
    shown, code = at_a_terminal(held, "status")
    assert code == 0 and "SET" in shown and "STATE" in shown, "headings are for people"


def test_show_when_held_then_facts_agree_with_openssl(held):
    tree = held.run("show", "shop", "--json", check=0).json()
    pem = held.run("export", "shop", check=0).out.encode()
    serial = openssl("x509", "-noout", "-serial", data=pem).decode().strip().removeprefix("serial=").lower()
    assert int(tree["certificate"]["serial"], 16) == int(serial, 16)
    print_ = openssl("x509", "-noout", "-fingerprint", "-sha256", data=pem).decode().split("=")[1].strip().replace(":", "").lower()
    assert tree["certificate"]["sha256"] == print_
    assert tree["deployments"][0]["stage"] == "done"
    assert tree["orders"][0]["outcome"] == "issued"
    assert tree["txt"] == [] and tree["versions"][0]["current"] is True
    text = held.run("show", "shop", check=0).out
    assert serial in text and "PRIVATE" not in text


def test_history_when_renewed_then_the_life_is_told_in_order(held):
    events = [e["event"] for e in held.run("history", "shop", "--json", check=0).json()["events"]]
    assert [e for e in events if e in ("set.new", "order.start", "certificate.issued", "deploy.done")] == [
        "set.new", "order.start", "certificate.issued", "deploy.done"]
    held.run("history", "--check", check=0)


def test_plan_when_held_then_nothing_is_due_and_a_change_is(held):
    assert "nothing is due" in held.run("plan", check=0).out
    path = held.folder / "sets.d/shop.yaml"
    good = path.read_text()
    path.write_text(good.replace("names: [", "names: ['pay.example.com', "))
    assert "+pay.example.com" in held.run("plan", check=0).out
    path.write_text(good)
    assert "nothing is due" in held.run("plan", check=0).out


def test_account_when_registered_then_shown_without_secrets(held):
    account = held.run("account", "show", "--json", check=0).json()["accounts"][0]
    assert account["authority"] == "pebble" and account["status"] == "valid" and account["url"].startswith("https://")
    again = held.run("account", "register", "pebble", "--json", check=0).json()
    assert again["account"]["url"] == account["url"], "found, not registered a second time"
    assert len(held.run("account", "list", "--json", check=0).json()["accounts"]) == 1
    assert account["url"] in held.run("account", "list", check=0).out


def test_provider_test_when_it_works_then_the_record_came_and_went(held, bind):
    n = len(bind.query_log())
    result = held.run("provider", "test", "bind", "www.example.com", check=0)
    assert "works" in result.out, result
    assert "_acme-challenge.www.example.com" in bind.query_log()[n:]
    assert bind.all_txt() == []
    assert held.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") == [(0,)]


# ---- revoke: last, because it changes what is held ----

def test_revoke_when_asked_and_denied_then_nothing_happens(held):
    assert "--yes" in held.run("revoke", "shop", "--reason", "superseded", check=2).err
    shown, code = at_a_terminal(held, "revoke", "shop", "--reason", "superseded", say=b"n\n")
    assert code == 2 and "nothing was revoked" in shown, shown
    assert held.sql("SELECT count(*) FROM certificate WHERE revoked_at_ms IS NOT NULL") == [(0,)]


def test_revoke_when_the_service_ends_then_revoked_and_nothing_takes_its_place(held):
    shown, code = at_a_terminal(held, "revoke", "shop", "--reason", "cessationOfOperation", say=b"y\n")
    assert code == 0 and "revoked" in shown, shown
    assert held.run("status", "--json", check=0).json()["sets"][0]["state"] == "revoked"
    assert "nothing takes its place" in shown
    assert "its service has ended" in held.run("plan", "--all", check=0).out
    held.run("renew", check=0)
    assert held.current("shop")[1] == 1
