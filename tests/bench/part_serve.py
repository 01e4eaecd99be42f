"""Part 7: `serve` with nothing to do, over 1 and over 10,000 stored certificates."""
import re
import sqlite3
import subprocess
import time
from pathlib import Path

from bench_fleet import grow
from bench_table import Table
from bench_world import FakeCa, FakeDns, Site, wait_until

SIZES = (1, 10_000)
IDLE_S, STARTS_S = 40.0, 4.0


def figures(pid):
    """(voluntary context switches, CPU in ms, resident KiB)"""
    status = Path(f"/proc/{pid}/status").read_text()
    found = {key: int(n) for key, n in re.findall(r"(?m)^(voluntary_ctxt_switches|VmRSS):\s+(\d+)", status)}
    return found["voluntary_ctxt_switches"], int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6, found["VmRSS"]


def idle(site):
    """What the daemon costs while nobody wants anything of it, for a minute."""
    log = site.folder / "serve.log"
    with open(log, "wb") as out:
        process = subprocess.Popen([str(a) for a in site.argv("serve")], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    store = sqlite3.connect(f"file:{site.folder / 'chancery.db'}?mode=ro", uri=True)
    try:
        wait_until("it leads", lambda: "serve: leads" in log.read_text(), 60)
        time.sleep(STARTS_S)
        before, version, n_written = figures(process.pid), None, -1
        end = time.monotonic() + IDLE_S
        while time.monotonic() < end:
            seen = store.execute("PRAGMA data_version").fetchone()[0]
            n_written += seen != version
            version = seen
            time.sleep(0.25)
        after = figures(process.pid)
        process.terminate()
        if process.wait(10) != 0 or len(log.read_text().splitlines()) != 3:
            raise RuntimeError(f"it was not idle:\n{log.read_text()}")
    finally:
        store.close()
        if process.poll() is None:
            process.kill()
            process.wait()
    minutes = IDLE_S / 60
    return (after[0] - before[0]) / minutes, (after[1] - before[1]) / minutes, n_written / minutes, after[2] / 1024


def run(scratch, runs):
    table = Table(7, "a daemon with nothing to do", {"sets": "sets", "wakeups": "wakeups/min", "cpu_ms": "CPU ms/min", "written": "commits/min",
                                                       "rss_mib": "RSS MiB"})
    dns = FakeDns(scratch.new("dns") / "d")
    ca = FakeCa(scratch.new("ca"), retry_after_s=0)
    try:
        site = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns).add_sets(1, 1)
        site.renew(1)
        for before, n_sets in zip((1, *SIZES), SIZES):
            if n_sets > before:
                grow(site, before, n_sets)
            wakeups, cpu_ms, written, rss_mib = idle(site)
            table.add(sets=n_sets, wakeups=wakeups, cpu_ms=cpu_ms, written=written, rss_mib=rss_mib,
                      bar="<= 200 wakeups, <= 60 ms, <= 7.5 commits", met=wakeups <= 200 and cpu_ms <= 60 and written <= 7.5)
    finally:
        ca.stop()
        dns.stop()
    table.notes = ["The lead is confirmed every ten seconds: six commits a minute. Twice a second one look at an index finds requests of other commands."]
    return table
