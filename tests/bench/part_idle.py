"""Part 4: a run that finds nothing to do, and `status`, over 1,000, 10,000 and 100,000 stored certificates."""
import os
import subprocess

from bench_fleet import grow
from bench_table import Table
from bench_world import BARE_STAT, FakeCa, FakeDns, PROGRAM, Site, median, run as run_program

SIZES = (1000, 10_000, 100_000)


def turns(site, n_sets, runs):
    """In turns: the bare stat, the idle run, status; the first round only warms the caches."""
    stats, renews, statuses = [], [], []
    for i in range(runs + 1):
        stat = run_program(site.folder, BARE_STAT, site.sets)
        renew, status = site.run("renew", "--json"), site.run("status", "--json")
        found = renew.json()
        if not stat.out.startswith(f"{n_sets} files") or found["issued"] + found["failed"] + found["figures"]["commits"] != 0:
            raise RuntimeError(f"the run over {n_sets} sets was not idle: {renew.out}\n{renew.err}{stat.out}")
        if len(status.json()["sets"]) != n_sets:
            raise RuntimeError("status does not show every set")
        if i > 0:
            stats.append(stat), renews.append(renew), statuses.append(status)
    return stats, renews, statuses


def measure(site, table, n_sets, runs):
    stats, renews, statuses = turns(site, n_sets, runs)
    ratio = median([r.wall_ms / s.wall_ms for r, s in zip(renews, stats)])
    cpu_ratio = median([b.cpu_ms for b in renews]) / median([b.cpu_ms for b in stats])
    store_mib = os.stat(site.folder / "chancery.db").st_size / 1024 / 1024
    has_bar = n_sets == 10_000
    table.add(sets=n_sets, stat_ms=median([b.wall_ms for b in stats]), renew_ms=median([b.wall_ms for b in renews]), ratio=ratio,
              cpu_ratio=cpu_ratio, renew_cpu_ms=median([b.cpu_ms for b in renews]), renew_mib=max(b.max_rss_kib for b in renews) / 1024,
              status_ms=median([b.wall_ms for b in statuses]), status_mib=max(b.max_rss_kib for b in statuses) / 1024,
              store_mib=store_mib, bar="idle renew <= 2.0 x bare stat" if has_bar else None, met=ratio <= 2.0 if has_bar else None)


def start_ms(folder):
    """What the program costs before it does anything: mostly the linking of its libraries."""
    return median([run_program(folder, PROGRAM, "--version").cpu_ms for _ in range(9)])


def run(scratch, runs):
    table = Table(4, "a run with nothing to do", {
        "sets": "sets", "stat_ms": "bare stat ms", "renew_ms": "renew ms", "ratio": "renew/stat", "cpu_ratio": "by CPU", "renew_cpu_ms": "renew CPU ms",
        "renew_mib": "renew RSS MiB", "status_ms": "status --json ms", "status_mib": "status RSS MiB", "store_mib": "store MiB"})
    dns = FakeDns(scratch.new("dns") / "d")
    ca = FakeCa(scratch.new("ca"), retry_after_s=0)
    try:
        folder = scratch.new("site") / "s"
        site = Site(folder, ca.url, ca.ca_file, dns).add_sets(1, 2, f"deploy:\n  - files: {{dir: {folder}/live/set000000}}\n")
        (folder / "live").mkdir()
        site.renew(1)
        for before, n_sets in zip((0, *SIZES), SIZES):
            grow(site, before, n_sets)
            subprocess.run(["sync"], check=True)
            measure(site, table, n_sets, 3 * runs if n_sets <= 10_000 else runs)
    finally:
        ca.stop()
        dns.stop()
    table.notes = ["One set was ordered and delivered, the others are copies of its rows and its file; caches are warm. The bare stat "
                   f"looks at every file once and is {BARE_STAT.name}; both are whole processes, in turns.",
                   f"Starting the program and its libraries alone costs {start_ms(folder):.1f} ms of CPU."]
    return table
