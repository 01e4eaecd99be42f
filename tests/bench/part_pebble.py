"""Part 5: Pebble, the test CA of others: requests per certificate by its own log."""
import re

from bench_table import Table
from bench_world import FakeDns, Site
from servers import Pebble

# names, sets, bar
CELLS = [(1, 100, 7.5), (10, 20, 28.0)]
REQUEST = re.compile(r"\b(POST|GET|HEAD) /\S* -> calling handler")
LOOK = re.compile(r"\bGET /\S*renewalInfo/\S* -> calling handler")


def one_run(scratch, n_names, n_sets):
    dns = FakeDns(scratch.new("dns") / "d")
    pebble = Pebble(scratch.new("pebble"), dns.address, nonce_reject=0, authz_reuse=0)
    try:
        before, looks = len(REQUEST.findall(pebble.log())), len(LOOK.findall(pebble.log()))
        bill = Site(scratch.new("site") / "s", pebble.url, pebble.ca_file, dns, parallel=1).add_sets(n_sets, n_names).renew(n_sets)
        bill.requests = len(REQUEST.findall(pebble.log())) - before
        if bill.figures["http_requests"] != bill.requests:
            raise RuntimeError(f"chancery counts {bill.figures['http_requests']} requests, Pebble {bill.requests}")
        bill.looks = len(LOOK.findall(pebble.log())) - looks
        if bill.looks > n_sets:
            raise RuntimeError(f"{bill.looks} looks at renewalInfo for {n_sets} certificates")
        return bill
    finally:
        pebble.stop()
        dns.stop()


def run(scratch, _):
    table = Table(5, "at Pebble, one order at a time", {"names": "names", "sets": "sets", "requests": "requests/cert",
                                                       "connections": "connections", "seconds": "seconds/cert"})
    for n_names, n_sets, bar in CELLS:
        bill = one_run(scratch, n_names, n_sets)
        requests, connections = (bill.requests - bill.looks) / n_sets, bill.figures["http_connections"]
        table.add(names=n_names, sets=n_sets, requests=requests, connections=connections, seconds=bill.wall_ms / 1000 / n_sets,
                  bar=f"<= {bar:g} requests, 1 connection", met=requests <= bar and connections == 1)
    table.notes = ["Directory, nonces and account of the run are counted in, the one look at renewalInfo after each issuance is not. Pebble asks for a second of patience at each poll."]
    return table
