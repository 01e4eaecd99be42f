"""Part 1: what a certificate costs in requests, round trips, commits and CPU, by the number of names and of sets."""
from bench_table import Table
from bench_world import FakeCa, FakeDns, Site, median, set_name

CELLS = [(1, 1), (10, 1), (100, 1), (1, 100), (10, 100), (100, 100), (1, 1000), (10, 1000)]
LATENCIES_MS = (50, 150)


def least_requests(n_names, n_sets):
    """newOrder, finalize, certificate, two looks at the order, one at renewalInfo, two requests a name; directory, nonce and account
    once a run."""
    return 6 + 2 * n_names + 3 / n_sets


def one_run(scratch, n_names, n_sets):
    dns = FakeDns(scratch.new("dns") / "d")
    ca = FakeCa(scratch.new("ca"), dns=dns.address, retry_after_s=0, validate_ms=0, issue_ms=0)
    try:
        bill = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns).add_sets(n_sets, n_names).renew(n_sets)
        ledger = ca.call("/ca-ledger?brief")
        bill.requests = ledger["requests"]["total"]
        bill.connections = ledger["counts"]["connections"] - 1  # the question for the ledger came over one too
        if bill.figures["http_requests"] != bill.requests:
            raise RuntimeError(f"chancery counts {bill.figures['http_requests']} requests, the CA {bill.requests}")
        return bill
    finally:
        ca.stop()
        dns.stop()


def run_with_latency(scratch, latency_ms, n_names):
    """Wall time of a first run, which makes an account too, and of a later one."""
    dns = FakeDns(scratch.new("dns") / "d")
    ca = FakeCa(scratch.new("ca"), retry_after_s=0, validate_ms=0, issue_ms=0, latency_ms=latency_ms)
    try:
        site = Site(scratch.new("site") / "s", ca.url, ca.ca_file, dns).add_sets(1, n_names)
        first = site.renew(1).wall_ms
        names = ", ".join(f"k{k}.later.bench.example" for k in range(n_names))
        (site.sets / f"{set_name(999999)}.yaml").write_text(f"names: [{names}]\n")
        return first, site.renew(1).wall_ms
    finally:
        ca.stop()
        dns.stop()


def round_trips(scratch, n_names, runs):
    """How many replies were waited for one after the other: what each added millisecond of latency adds to the run."""
    walls = {latency: [run_with_latency(scratch, latency, n_names) for _ in range(runs)] for latency in LATENCIES_MS}
    low, high = LATENCIES_MS
    return tuple((median([w[i] for w in walls[high]]) - median([w[i] for w in walls[low]])) / (high - low) for i in (0, 1))


def bar(n_names, n_sets, requests, commits, connections):
    """What was promised of a fleet of one-name sets; a lone set pays for the account and the leases alone."""
    if n_names > 1 or n_sets == 1:
        return "1 connection", connections == 1
    return "1 connection, <= 10 requests, <= 15 commits", connections == 1 and requests <= 10 and commits <= 15


def run(scratch, runs):
    table = Table(1, "one `chancery renew`: what a certificate costs", {
        "names": "names", "sets": "sets", "requests": "requests/cert", "least": "least", "trips_first": "trips, 1st run",
        "trips_later": "trips, later", "commits": "commits/cert", "commits_run": "commits/run", "cpu_ms": "CPU ms/cert",
        "rate": "cert/s", "connections": "connections", "dns_updates": "DNS updates/cert", "dns_questions": "DNS questions/cert"})
    table.notes = [
        "least: two requests a name, five an order, three a run; trips: replies waited for one after the other, by the slope of the "
        f"time over a latency of {LATENCIES_MS[0]} and {LATENCIES_MS[1]} ms.",
        "No authorization reused, no nonce refused, every TXT record really looked up by the CA; the store is new, so the account is "
        "made in the run."]
    for n_names, n_sets in CELLS:
        bills = [one_run(scratch, n_names, n_sets) for _ in range(runs if n_names * n_sets <= 1000 else 1)]
        requests = median([b.requests for b in bills]) / n_sets
        commits = median([b.figures["commits"] for b in bills]) / n_sets
        connections = max(b.connections for b in bills)
        first, later = round_trips(scratch, n_names, runs) if n_sets == 1 else (None, None)
        bars, met = bar(n_names, n_sets, requests, commits, connections)
        table.add(names=n_names, sets=n_sets, requests=requests, least=least_requests(n_names, n_sets), trips_first=first,
                  trips_later=later, commits=commits, commits_run=median([b.figures["commits"] for b in bills]),
                  cpu_ms=median([b.cpu_ms for b in bills]) / n_sets, rate=n_sets / median([b.wall_ms for b in bills]) * 1000,
                  connections=connections, dns_updates=median([b.figures["dns_updates"] for b in bills]) / n_sets,
                  dns_questions=median([b.figures["dns_questions"] for b in bills]) / n_sets, bar=bars, met=met)
    return table
