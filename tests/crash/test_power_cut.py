"""Ring 4: the power fails right after each sync of a renewal. What a SIGKILL cannot show: everything not yet on the disk is gone.

Store and target lie on an ext4 image (with CHANCERY_TEST_STORE=postgresql the target alone: then it is the host that loses its power, not the
server); after sync k the process is stopped, the image is copied as it is at that moment, and the next `renew`
starts on the copy. Nothing the CA, the name server or a person was told may be lost.
"""
import os
import shutil
import signal
import subprocess

import pytest
import stores
from world import Glance, calls_count

SYNCS_MIN = 8 if stores.ON_SERVER else 30  # commits of a server are its own syncs
FURTHER = 4  # points beyond the last sync of the run that was counted

class Disk:
    """An ext4 image, mounted. A power cut puts in its place what the image held at that moment."""

    def __init__(self, folder):
        self.folder, self.image, self.next_image = folder / "disk", folder / "a.img", folder / "b.img"
        self.folder.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(24 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image], check=True)
        self.is_mounted = self.mount()

    def mount(self):
        return subprocess.run(["mount", "-o", "loop", self.image, self.folder], capture_output=True).returncode == 0

    def unmount(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.folder], check=True)
        self.is_mounted = False

    def copy(self):
        """What the page cache alone has is not in the copy."""
        shutil.copyfile(self.image, self.next_image)

    def replace(self):
        self.unmount()
        self.image, self.next_image = self.next_image, self.image
        self.is_mounted = self.mount()
        assert self.is_mounted, f"{self.image} cannot be mounted after the cut"


@pytest.fixture(autouse=True)
def loop_mounts(tmp_path):
    (tmp_path / "try").mkdir()
    one = Disk(tmp_path / "try")
    if not one.is_mounted:
        pytest.skip("LOUD: loop mounts are not allowed here, so a power cut cannot be shown")
    one.unmount()


def run_until_sync(site, shim, k, command, **env):
    """The process, stopped after its k-th sync; None when it ended before."""
    process = site.start(*command, env={"LD_PRELOAD": str(shim), "STOP_AT_SYNC": str(k), **env}, log=site.folder.parent / "run.log")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return process
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (site.folder.parent / "run.log").read_text()
    return None


def cut_after_sync(lane, folder, prepare, command, decisions, k, **env):
    """True when there was a sync number k to cut the power after."""
    folder.mkdir()
    disk = Disk(folder)
    try:
        site = lane.site(disk.folder / "site")
        prepare(site)
        subprocess.run(["sync", "-f", disk.folder], check=True)  # this disk only: the others must not be helped
        process = run_until_sync(site, lane.shim, k, command, **env)
        if process is None:
            return False
        disk.copy()
        process.send_signal(signal.SIGKILL)
        process.wait()
        disk.replace()
        context = f"`{' '.join(command)}`, power cut after sync {k}"
        assert Glance(site.live()).bad == [], f"{context}: what a server that starts now would read: {Glance(site.live()).bad}"
        again = site.run("renew")
        assert again.returncode == 0, f"{context}: {again.stderr}"
        n, = site.sql("SELECT count(*) FROM orders")[0]
        assert n in decisions, f"{context}: {n} decisions"
        site.check_ledgers(n, context, kills=1)
        return True
    finally:
        disk.unmount()
        shutil.rmtree(folder)


def cuts_over(lanes, folder, prepare, command, decisions):
    def trial(lane, k):
        return cut_after_sync(lane, folder / f"k{k}", prepare, command, decisions, k)

    n_syncs = lanes.one(lambda lane, _: calls_count(lane, folder / "count", prepare, command)[1])
    cuts = sum(lanes.run(trial, range(1, n_syncs + FURTHER)))
    print(f"\n{' '.join(command)}: {n_syncs} syncs, {cuts} power cuts, 0 acknowledged facts lost")
    return cuts


def renewed(site):
    assert site.run("renew").returncode == 0


def test_renew_when_the_power_fails_after_each_sync_then_nothing_told_is_lost(tmp_path, lanes):
    assert cuts_over(lanes, tmp_path, lambda site: None, ["renew"], {1}) >= SYNCS_MIN


def test_renewal_when_the_power_fails_after_each_sync_then_one_whole_pair_is_served(tmp_path, lanes):
    """With a version that is served already. By hand, so that a cut before the decision was written leaves one certificate."""
    assert cuts_over(lanes, tmp_path, renewed, ["renew", "--force", "www"], {1, 2}) >= SYNCS_MIN


def test_deploy_when_the_power_fails_after_each_sync_then_a_whole_pair_is_served(tmp_path, lanes):
    assert cuts_over(lanes, tmp_path, renewed, ["deploy", "--force", "www"], {1}) >= (5 if stores.ON_SERVER else 8)


@stores.only("sqlite", "what it has not synced is lost; a server's disk is not the one that is cut")
def test_a_cut_when_no_sync_was_true_then_it_is_seen(tmp_path, lanes):
    """Do these cuts bite? On a disk that only says it has synced, the same trial must find something lost."""
    def trial(lane, k):
        lane.spoiled = True
        try:
            cut_after_sync(lane, tmp_path / f"lie{k}", lambda site: None, ["renew"], {1}, k, SYNC_LIES="1")
        except AssertionError:
            return True
        return False

    found = lanes.run(trial, [20, 25, 30, 35])
    assert all(found), f"a loss was not seen: {found}"
