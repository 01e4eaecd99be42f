"""Ring 2: killed at every outward call; after each, one plain `renew` must finish the work, and four ledgers must agree."""
import os
import shutil
import signal

import pytest
from world import Bind, FakeCa, Reader, Site, build_shim

# Every call of a first run is a point; on a small machine every STEP-th is taken in the ordinary run.
STEP = int(os.environ.get("CHANCERY_KILL_STEP", "1"))


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    server = Bind(tmp_path_factory.mktemp("bind"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ca(tmp_path_factory, bind):
    server = FakeCa(tmp_path_factory.mktemp("ca"), dns=f"{bind.address}:{bind.port}")
    yield server
    server.stop()


class Count:
    """Certificates and orders of this very site: the CA is shared by all points."""

    def __init__(self, ca):
        self.ca, ledger = ca, ca.ledger()
        self.n_certificates, self.n_orders = len(ledger["certificates"]), len(ledger["orders"])

    def ledger(self):
        ledger = self.ca.ledger()
        return {"certificates": ledger["certificates"][self.n_certificates:], "orders": ledger["orders"][self.n_orders:]}


def count_calls(site, shim, tmp_path, *command):
    total = tmp_path / "total"
    result = site.run(*command, env={"LD_PRELOAD": str(shim), "COUNT_FILE": str(total)})
    assert result.returncode == 0, result.stderr
    return int(total.read_text())


def killed(site, shim, k, *command):
    env = {"LD_PRELOAD": str(shim), "KILL_AT": str(k)}
    if k % 2 == 0:
        env["KILL_AFTER"] = "1"
    return site.run(*command, env=env).returncode == -signal.SIGKILL


def sweep(tmp_path, ca, bind, shim, prepare, command, decisions, least_points):
    points = kills = reads = 0
    k = 1
    while True:
        folder = tmp_path / f"k{k}"
        view = Count(ca)
        site = Site(folder, ca, bind)
        site.ca = view
        prepare(site)
        reader = Reader(folder / "live")
        try:
            died = killed(site, shim, k, *command)
            again = site.run("renew")
            context = f"{' '.join(command)} killed at outward call {k}"
            assert again.returncode == 0, f"{context}: the next run: {again.stderr}"
            site.check_ledgers(decisions, context, kills=1)
            assert site.run("renew", "--json").returncode == 0
        finally:
            reader.stop()
        assert not reader.bad, f"{context}: {reader.bad}"
        reads += reader.n
        shutil.rmtree(folder)
        points += 1
        kills += died
        if not died:
            break
        k += STEP
    print(f"\n{' '.join(command)}: {points} points, {kills} kills, {reads} reads, 0 surplus, 0 TXT left, 0 keys lost, 0 bad pairs")
    assert kills * STEP >= least_points, f"only {kills} kills"


def test_renew_when_killed_at_every_outward_call_then_the_next_run_finishes(tmp_path, ca, bind, shim):
    sweep(tmp_path, ca, bind, shim, lambda site: None, ["renew"], decisions=1, least_points=150)


def test_deploy_when_killed_at_every_outward_call_then_the_next_run_finishes(tmp_path, ca, bind, shim):
    def prepare(site):
        assert site.run("renew").returncode == 0
    sweep(tmp_path, ca, bind, shim, prepare, ["deploy", "--force", "www"], decisions=1, least_points=15)


def test_revoke_when_killed_at_every_outward_call_then_it_can_be_repeated(tmp_path, ca, bind, shim):
    points = kills = 0
    k = 1
    while True:
        folder = tmp_path / f"r{k}"
        view = Count(ca)
        site = Site(folder, ca, bind)
        site.ca = view
        assert site.run("renew").returncode == 0
        died = killed(site, shim, k, "revoke", "www", "--version", "1", "--reason", "superseded", "--yes")
        context = f"revoke killed at outward call {k}"
        again = site.run("revoke", "www", "--version", "1", "--reason", "superseded", "--yes")
        assert again.returncode == 0, f"{context}: {again.stderr}"
        assert all(c["revoked"] for c in view.ledger()["certificates"]), context
        assert site.sql("SELECT revoked_at_ms IS NOT NULL FROM certificate WHERE version = 1") == [(1,)], context
        assert site.run("renew").returncode == 0
        site.check_ledgers(2, context)
        shutil.rmtree(folder)
        points += 1
        kills += died
        if not died:
            break
        k += max(STEP, 2)
    print(f"\nrevoke: {points} points, {kills} kills")
    assert kills >= 10
