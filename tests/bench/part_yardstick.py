"""Part 2: against `bare-client`, which keeps nothing, in the same run and in turns: what durability and DNS cost."""
from bench_table import Table
from bench_world import BARE_CLIENT, FakeCa, FakeDns, Site, median, run as run_program

N_SETS, N_NAMES, DNS_DELAY_MS, LATENCY_MS = 1000, 10, 2000, 50


def bare(scratch, ca, n_sets, n_names, *more):
    bill = run_program(scratch.new("bare"), BARE_CLIENT, "--directory", ca.url, "--ca-file", ca.ca_file, "--sets", n_sets,
                       "--names", n_names, "--parallel", 100, *more)
    if bill.json()["certificates"] != n_sets:
        raise RuntimeError(bill.out + bill.err)
    return bill


def pairs(scratch, runs, lag_ms, n_sets, n_names, knobs, *more):
    """(chancery, bare) in turns; both meet the same CA, and both get the same start: no account, no connection."""
    done = []
    for _ in range(runs):
        dns = FakeDns(scratch.new("dns") / "d", lag_ms)
        ca = FakeCa(scratch.new("ca"), **dict({"retry_after_s": 0, "validate_ms": 0, "issue_ms": 0}, **knobs))
        try:
            site = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns).add_sets(n_sets, n_names)
            done.append((site.renew(n_sets), bare(scratch, ca, n_sets, n_names, *more)))
        finally:
            ca.stop()
            dns.stop()
    return done


def load(scratch, table, runs):
    done = pairs(scratch, runs, 0, N_SETS, 1, {"verify": 5})
    ours, theirs = [c for c, _ in done], [b for _, b in done]
    rate, bare_rate = (N_SETS / median([b.wall_ms for b in bills]) * 1000 for bills in (ours, theirs))
    ratio = median([b.wall_ms / c.wall_ms for c, b in done])
    cpu, bare_cpu = (median([b.cpu_ms for b in bills]) / N_SETS for bills in (ours, theirs))
    rss, bare_rss = (max(b.max_rss_kib for b in bills) / 1024 for bills in (ours, theirs))
    what = f"{N_SETS} sets x 1 name"
    table.add(what=what, figure="certificates/s", chancery=rate, bare=bare_rate, ratio=ratio, bar=">= 0.5 x bare", met=ratio >= 0.5)
    table.add(what=what, figure="CPU ms/certificate", chancery=cpu, bare=bare_cpu, ratio=cpu / bare_cpu, bar="<= 3 ms", met=cpu <= 3)
    table.add(what=what, figure="max RSS, MiB", chancery=rss, bare=bare_rss, ratio=rss / bare_rss, bar="<= 32 MiB", met=rss <= 32)


def patience(scratch, table, runs):
    done = pairs(scratch, runs, DNS_DELAY_MS, 1, N_NAMES, {"latency_ms": LATENCY_MS}, "--dns-delay-ms", DNS_DELAY_MS)
    ratio = median([c.wall_ms / b.wall_ms for c, b in done])
    table.add(what=f"1 set x {N_NAMES} names, {LATENCY_MS} ms to the CA, TXT after {DNS_DELAY_MS} ms", figure="seconds",
              chancery=median([c.wall_ms for c, _ in done]) / 1000, bare=median([b.wall_ms for _, b in done]) / 1000, ratio=ratio,
              bar="<= 1.10 x bare", met=ratio <= 1.10)


def run(scratch, runs):
    table = Table(2, "beside bare-client, in turns", {"what": "what", "figure": "figure", "chancery": "chancery", "bare": "bare-client",
                                                     "ratio": "ratio"})
    table.notes = ["Whole processes, start to end. The bare client stores nothing and writes no DNS record; the CA checks one "
                   "signature in twenty, so that it is not the bottleneck of both.", "Ratios are medians over pairs."]
    load(scratch, table, runs)
    patience(scratch, table, runs)
    return table
