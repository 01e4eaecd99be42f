"""Part 2: against `bare-client`, which keeps nothing, in the same run and in turns: what durability and DNS cost."""
import time

from bench_table import Table
from bench_world import BARE_CLIENT, FakeCa, FakeDns, Site, median, run as run_program

N_SETS, N_NAMES, DNS_DELAY_MS, LATENCY_MS = 1000, 10, 2000, 50
# How the CA checks signatures (per cent), and in words.
SIGNATURES = ((5, "CA checks 1 signature in 20"), (100, "CA checks every signature"))
# Retry-After of the CA in seconds, and in words.
PATIENCE = ((0, "CA asks for no patience"), (1, "CA asks for 1 s at each poll"))


def bare(scratch, ca, n_sets, n_names, *more):
    bill = run_program(scratch.new("bare"), BARE_CLIENT, "--directory", ca.url, "--ca-file", ca.ca_file, "--sets", n_sets,
                       "--names", n_names, "--parallel", 100, *more)
    if bill.json()["certificates"] != n_sets:
        raise RuntimeError(bill.out + bill.err)
    return bill


def ours(site, n_sets):
    begin_ms = time.time() * 1000
    bill = site.renew(n_sets)
    bill.issued_ms = site.sql("SELECT max(issued_at_ms) FROM certificate")[0][0] - begin_ms
    return bill


def pairs(scratch, runs, lag_ms, n_sets, n_names, knobs, *more):
    """(chancery, bare) in turns; both meet the same CA, and both get the same start: no account, no connection."""
    done = []
    for _ in range(runs):
        dns = FakeDns(scratch.new("dns") / "d", lag_ms)
        ca = FakeCa(scratch.new("ca"), **dict({"retry_after_s": 0, "validate_ms": 0, "issue_ms": 0}, **knobs))
        try:
            site = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns).add_sets(n_sets, n_names)
            done.append((ours(site, n_sets), bare(scratch, ca, n_sets, n_names, *more)))
        finally:
            ca.stop()
            dns.stop()
    return done


def load(scratch, table, runs, verify, how):
    done = pairs(scratch, runs, 0, N_SETS, 1, {"verify": verify})
    chancery, bares = [c for c, _ in done], [b for _, b in done]
    rate, bare_rate = (N_SETS / median([b.wall_ms for b in bills]) * 1000 for bills in (chancery, bares))
    ratio = median([b.wall_ms / c.wall_ms for c, b in done])
    cpu, bare_cpu = (median([b.cpu_ms for b in bills]) / N_SETS for bills in (chancery, bares))
    rss, bare_rss = (max(b.max_rss_kib for b in bills) / 1024 for bills in (chancery, bares))
    what = f"{N_SETS} sets x 1 name, {how}"
    table.add(what=what, figure="certificates/s", chancery=rate, bare=bare_rate, ratio=ratio, bar=">= 0.5 x bare", met=ratio >= 0.5)
    table.add(what=what, figure="CPU ms/certificate", chancery=cpu, bare=bare_cpu, ratio=cpu / bare_cpu, bar="<= 3 ms", met=cpu <= 3)
    table.add(what=what, figure="max RSS, MiB", chancery=rss, bare=bare_rss, ratio=rss / bare_rss, bar="<= 32 MiB", met=rss <= 32)


def patience(scratch, table, runs, retry_after_s, how):
    knobs = {"latency_ms": LATENCY_MS, "retry_after_s": retry_after_s}
    done = pairs(scratch, runs, DNS_DELAY_MS, 1, N_NAMES, knobs, "--dns-delay-ms", DNS_DELAY_MS)
    what = f"1 set x {N_NAMES} names, {LATENCY_MS} ms to the CA, TXT after {DNS_DELAY_MS} ms, {how}"
    bare_s = median([b.wall_ms for _, b in done]) / 1000
    ratio = median([c.issued_ms / b.wall_ms for c, b in done])
    table.add(what=what, figure="seconds to the certificate", chancery=median([c.issued_ms for c, _ in done]) / 1000, bare=bare_s,
              ratio=ratio, bar="<= 1.10 x bare", met=ratio <= 1.10)
    table.add(what=what, figure="seconds until no TXT is left", chancery=median([c.wall_ms for c, _ in done]) / 1000)


def run(scratch, runs):
    table = Table(2, "beside bare-client, in turns", {"what": "what", "figure": "figure", "chancery": "chancery", "bare": "bare-client",
                                                     "ratio": "ratio"})
    table.notes = ["Whole processes, start to end; ratios are medians over pairs. The bare client stores nothing and writes no DNS "
                   "record: it waits instead as long as the records take to show."]
    for verify, how in SIGNATURES:
        load(scratch, table, runs, verify, how)
    for retry_after_s, how in PATIENCE:
        patience(scratch, table, runs, retry_after_s, how)
    return table
