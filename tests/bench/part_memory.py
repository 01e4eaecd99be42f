"""Part 3: resident memory with one order in flight and with 500, at a CA that takes its time to validate."""
import time

from bench_table import Table
from bench_world import FakeCa, FakeDns, Site

N_MANY, VALIDATE_MS = 500, 6000


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
        "orders": "orders in flight", "rss": "RSS MiB", "anonymous": "of it own MiB", "peak": "peak so far MiB",
        "per_order": "own KiB/order"})
    one = min(sample(scratch, 1) for _ in range(runs))
    many = min(sample(scratch, N_MANY) for _ in range(runs))
    for n, (rss, anonymous, peak) in ((1, one), (N_MANY, many)):
        ceiling = 64 * 1024 + 2 * n
        table.add(orders=n, rss=rss / 1024, anonymous=anonymous / 1024, peak=peak / 1024,
                  per_order=(many[1] - one[1]) / (N_MANY - 1) if n > 1 else None, bar="<= 64 MiB + 2 KiB a set", met=peak <= ceiling)
    table.notes = ["own: anonymous pages, which no other process shares. Per order: the difference of the rows over the orders more; it "
                   "holds buffers of requests, statement caches and what the allocator keeps, not only the orders themselves."]
    return table
