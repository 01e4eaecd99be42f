"""Ring 4: the power fails right after each sync of a renewal. What a SIGKILL cannot show: everything not yet on the disk is gone.

Store and target lie on an ext4 image; after sync k the process is stopped, the image is copied as it is at that moment, and the next `renew`
starts on the copy. Nothing the CA, the name server or a person was told may be lost.
"""
import os
import shutil
import signal
import subprocess
import time

import pytest
from world import PROGRAM, Bind, FakeCa, Site, build_shim

MOUNTS = []


def mount(image, folder):
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True)
    if done.returncode == 0:
        MOUNTS.append(folder)
    return done.returncode == 0


def unmount(folder):
    subprocess.run(["umount", "-l", folder], check=True)
    MOUNTS.remove(folder)


@pytest.fixture(autouse=True)
def unmount_all():
    yield
    for folder in list(MOUNTS):
        unmount(folder)


class View:
    def __init__(self, ca):
        self.ca, ledger = ca, ca.ledger()
        self.url, self.ca_file = ca.url, ca.ca_file
        self.n = (len(ledger["certificates"]), len(ledger["orders"]))

    def ledger(self):
        ledger = self.ca.ledger()
        return {"certificates": ledger["certificates"][self.n[0]:], "orders": ledger["orders"][self.n[1]:]}


def run_until_sync(site, shim, k):
    """True when the process was stopped at its k-th sync, False when it ended before."""
    process = subprocess.Popen([str(PROGRAM), "renew", "--config", str(site.folder / "chancery.yaml")], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=dict(os.environ, LD_PRELOAD=str(shim), STOP_AT_SYNC=str(k)))
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return None
    return process


def test_renew_when_the_power_fails_after_each_sync_then_nothing_told_is_lost(tmp_path):
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    image = tmp_path / "disk.img"
    with open(image, "wb") as f:
        f.truncate(24 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    if not mount(image, disk):
        pytest.skip("LOUD: loop mounts are not allowed here, so a power cut cannot be shown")
    shim = build_shim(tmp_path)
    bind = Bind(tmp_path / "bind")
    ca = FakeCa(tmp_path / "ca", dns=f"{bind.address}:{bind.port}")
    cuts, k = 0, 1
    try:
        while True:
            view = View(ca)
            site = Site(disk / f"s{k}", view, bind)
            os.sync()
            process = run_until_sync(site, shim, k)
            if process is None:
                break
            shutil.copyfile(image, tmp_path / "copy.img")
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert mount(tmp_path / "copy.img", copy)
            after = Site.__new__(Site)
            after.folder, after.ca, after.bind = copy / f"s{k}", view, bind
            again = after.run("renew")
            assert again.returncode == 0, f"power cut after sync {k}: {again.stderr}"
            after.check_ledgers(1, f"power cut after sync {k}", kills=1)
            unmount(copy)
            shutil.rmtree(site.folder)
            cuts += 1
            k += 1
        print(f"\n{cuts} power cuts, 0 acknowledged facts lost")
        assert cuts >= 10
    finally:
        ca.stop()
        bind.stop()
