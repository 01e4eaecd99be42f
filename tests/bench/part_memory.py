"""Part 3: resident memory with 1, 500 and 1,000 orders in flight, at a CA that takes its time to validate."""
import time

from bench_table import Table
from bench_world import FakeCa, FakeDns, Site

SIZES, VALIDATE_MS = (1, 500, 1000), 10000


def sample(scratch, n_sets):
    """(VmRSS, RssAnon, VmHWM) in KiB while every order waits for its validation."""
    dns = FakeDns(scratch.new("dns") / "d")
    ca = FakeCa(scratch.new("ca"), retry_after_s=1, validate_ms=VALIDATE_MS, issue_ms=0, verify=5)
    running = None
    try:
        site = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns, parallel=1000).add_sets(n_sets, 1)
        running = site.start("renew", "--json")
        end = time.monotonic() + 60
        while ca.call("/ca-ledger?brief")["requests"]["challenge"] < n_sets:
            if time.monotonic() > end or running.process.poll() is not None:
                raise RuntimeError("the orders do not come to their validation")
            time.sleep(0.05)
        time.sleep(1)
        found = running.memory_kib("VmRSS", "RssAnon", "VmHWM")
        issued = running.wait().json()["issued"]
        if found is None or issued != n_sets:
            raise RuntimeError(f"{issued} of {n_sets} issued")
        return found
    finally:
        if running is not None:
            running.stop()
        ca.stop()
        dns.stop()


def run(scratch, runs):
    table = Table(3, "resident memory while orders wait for their validation", {
        "orders": "orders in flight", "rss": "RSS MiB", "own": "of it own MiB", "peak": "peak so far MiB", "per_order": "own KiB/order more"})
    before = None
    for n in SIZES:
        rss, own, peak = min(sample(scratch, n) for _ in range(runs))
        per_order = (own - before[1]) / (n - before[0]) if before else None
        table.add(orders=n, rss=rss / 1024, own=own / 1024, peak=peak / 1024, per_order=per_order, bar="<= 64 MiB + 2 KiB a set",
                  met=peak <= 64 * 1024 + 2 * n)
        before = (n, own)
    table.notes = ["own: anonymous pages, which no other process shares. KiB an order more than in the row above: from 1 to 500 it holds "
                   "the buffers of 100 requests and the page cache of the store too, from 500 on the orders themselves."]
    return table
