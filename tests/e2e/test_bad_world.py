"""Bad input and a bad world: one clear error that names what, the documented exit code, nothing lost."""
import os
import subprocess

import pytest
import stores
from servers import Bind, Pebble, free_port


@pytest.fixture
def site(office, bind, pebble):
    office.write(pebble, bind)
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    return office


def test_ca_down_then_exit_1_naming_it_and_the_next_run_goes_on(office, bind, pebble, tmp_path):
    port = free_port()
    office.write(pebble, bind)
    text = office.config.read_text()
    office.config.write_text(text.replace(str(pebble.port), str(port)))
    office.set("www", ["www.example.com"])
    office.run("init", check=0)
    result = office.run("renew", check=1)
    assert f"127.0.0.1" in result.err and "pebble" in result.err, result
    office.config.write_text(text)
    office.sql("SELECT 1")
    assert office.run("issue", "www").code == 0


def test_ca_untrusted_then_refused_and_said(site):
    text = site.config.read_text()
    ca_file = text.split("ca_file: ")[1].split(",")[0]
    site.config.write_text(text.replace(f"ca_file: {ca_file}, ", ""))
    result = site.run("renew", check=1)
    assert "certificate" in result.err.lower(), result
    assert site.sql("SELECT count(*) FROM account WHERE status = 'valid'") == [(0,)]


def test_terms_not_agreed_then_said_with_their_address(site):
    site.config.write_text(site.config.read_text().replace("agree_tos: true", "agree_tos: false"))
    result = site.run("renew")
    assert result.code in (1, 2)
    assert "agree_tos" in result.err and "terms" in result.err.lower(), result


def test_tsig_wrong_then_denied_with_the_reason(site):
    (site.folder / "tsig").write_text("d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3I=\n")
    result = site.run("renew", check=1)
    assert "BADSIG" in result.err or "NOTAUTH" in result.err, result
    assert "bind" in result.err


def test_zone_nobody_serves_then_file_and_line(site):
    site.set("other", ["www.nobody.test"])
    result = site.run("check", check=2)
    assert "other.yaml:1" in result.out + result.err and "www.nobody.test" in result.out + result.err, result


def test_broken_set_then_only_it_suffers(site):
    (site.folder / "sets.d" / "bad.yaml").write_text("names: [bad.example.com]\ndeplyo: []\n")
    result = site.run("renew")
    assert "bad.yaml:2" in result.err and "deploy" in result.err, result
    assert result.code == 2
    assert site.current("www") is not None


@stores.only("sqlite", "a file that may not be written")
def test_store_read_only_then_exit_5_and_nothing_asked(site, pebble):
    n = len(pebble.log())
    if subprocess.run(["chattr", "+i", site.store], capture_output=True).returncode != 0:
        pytest.skip("LOUD: chattr +i is not possible on this file system, so a read-only store cannot be shown")
    try:
        result = site.run("renew", check=5)
        assert "chancery.db" in result.err, result
        assert len(pebble.log()) == n
    finally:
        subprocess.run(["chattr", "-i", site.store], check=True)


@stores.only("sqlite", "the disk of its file is full; test_postgresql.py has a full server")
def test_disk_full_then_exit_5_and_it_goes_on_with_space(office, bind, pebble, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "none", disk], capture_output=True).returncode != 0:
        pytest.skip("LOUD: mounting a tmpfs is not possible here, so a full disk cannot be shown")
    try:
        office.write(pebble, bind)
        office.config.write_text(office.config.read_text().replace("sqlite:chancery.db", f"sqlite:{disk}/chancery.db"))
        office.set("www", ["www.example.com"])
        office.run("init", check=0)
        filler = disk / "filler"
        fd = os.open(filler, os.O_CREAT | os.O_WRONLY)
        try:
            while os.write(fd, b"x" * 1024) > 0:
                pass
        except OSError:
            pass
        finally:
            os.close(fd)
        result = office.run("renew")
        assert result.code == 5, result
        assert "full" in result.err or "space" in result.err, result
        filler.unlink()
        office.run("renew", check=0)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_another_leader_then_exit_3_naming_it(site):
    process = subprocess.Popen([str(__import__("conftest").PROGRAM), "renew", "--config", str(site.config)],
                               env=dict(os.environ, CHANCERY_FAILPOINT="order.send.before=sleep:4000"),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        import time
        time.sleep(1.0)
        result = site.run("renew", "--no-wait", check=3)
        assert str(process.pid) in result.err and "renew" in result.err, result
        assert site.run("status").code == 0, "looking works beside a leader"
    finally:
        process.wait(60)
    assert site.current("www") is not None


def test_provider_test_when_tsig_is_wrong_then_it_ends_at_once_with_the_reason(site):
    assert site.run("provider", "test", "bind", "www.example.com", timeout=30).code == 0
    (site.folder / "tsig").write_text("d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3I=\n")
    result = site.run("provider", "test", "bind", "www.example.com", timeout=30)
    assert result.code == 1 and "BADSIG" in result.err, result
