"""S12: a SIGHUP every 100 ms, one file in three invalid, while certificates are issued: nothing is lost and nothing mixed.

CHANCERY_STORM_S (10) says for how long; 60 is the long form. CHANCERY_SEED repeats a run.
"""
import json
import os
import random
import signal
import time

from servers import wait_until
from world import group_end

STORM_S = float(os.environ.get("CHANCERY_STORM_S", "10"))
SEED = int(os.environ.get("CHANCERY_SEED", time.time_ns() % 10**9))
N_SETS = 8
EVERY_S = 0.1

# A set is written in one of two ways; whatever has one's names with the other's key is a mixture.
WAYS = [("ecdsa-p256", lambda n: (f"{n}.example.com",)),
        ("ecdsa-p384", lambda n: (f"alt-{n}.example.com", f"{n}.example.com"))]


def set_text(name, way):
    key, names = WAYS[way]
    listed = ", ".join(f"'{one}'" for one in names(name))
    return f"names: [{listed}]\nkey: {key}\ndeploy:\n  - files: {{dir: live/{name}}}\n    activate: [/bin/true]\n"


class Writer:
    """Writes files as an editor or a configuration management would: at one stroke, one after the other, sometimes rubbish."""

    def __init__(self, site, chance):
        self.site, self.chance = site, chance
        self.main = site.folder / "chancery.yaml"
        self.good_main = self.main.read_text()
        self.ways = {name: 0 for name in site.sets}
        self.n_writes = self.n_invalid = 0

    def put(self, path, text):
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text)
        fresh.rename(path)
        self.n_writes += 1

    def put_set(self, name, way):
        self.ways[name] = way
        self.put(self.site.folder / "sets.d" / f"{name}.yaml", set_text(name, way))

    def one(self):
        name = self.chance.choice(sorted(self.ways))
        path = self.site.folder / "sets.d" / f"{name}.yaml"
        match self.chance.randrange(6):
            case 0:
                self.n_invalid += 1
                self.put(self.main, self.good_main + self.chance.choice(["unheard_of: 1\n", "defaults: {key: [\n", "store: 7\n"]))
            case 1:
                self.n_invalid += 1
                self.put(path, self.chance.choice(["names: [\n", "names: []\n", f"names: ['{name}.example.com']\nkee: rsa-2048\n", ""]))
            case 2:
                path.unlink(missing_ok=True)
                self.n_writes += 1
            case 3:
                self.put(self.main, self.good_main + f"# written for the {self.n_writes}th time\n" +
                         self.chance.choice(["", "dnssec: {check: false}\n"]))
            case _:
                self.put_set(name, self.chance.randrange(2))

    def finish(self):
        self.put(self.main, self.good_main)
        for name in self.ways:
            self.put_set(name, self.chance.randrange(2))


def orders_check(site, context):
    """Certificates, orders and keys of CA and store, one by one."""
    ledger = site.ca.ledger()
    rows = site.sql("SELECT id, set_name, names, key_kind, outcome, certificate_id FROM orders")
    for number, name, names, key, outcome, certificate in rows:
        way = (key, tuple(sorted(json.loads(names))))
        assert way in [(k, tuple(sorted(n(name)))) for k, n in WAYS], f"{context}: order {number} mixes: {way}"
        assert (outcome == "issued") == (certificate is not None), f"{context}: order {number}: {outcome}"
    stored = {row[0].lower().lstrip("0") for row in site.sql("SELECT serial FROM certificate")}
    at_ca = {c["serial"].lower().lstrip("0") for c in ledger["certificates"]}
    assert stored == at_ca, f"{context}: issued and not stored: {at_ca - stored}; stored and not issued: {stored - at_ca}"
    issued = [row for row in rows if row[4] == "issued"]
    assert len(issued) == len(at_ca), f"{context}: {len(issued)} orders issued, {len(at_ca)} certificates"
    assert len(ledger["orders"]) <= len(rows), f"{context}: {len(ledger['orders'])} orders at the CA, {len(rows)} decided on"
    keys = {row[0] for row in site.sql("SELECT spki FROM private_key WHERE purpose = 'leaf'")}
    assert all(c["spki_sha256"] in keys for c in ledger["certificates"]), f"{context}: a certificate without its key"
    return len(rows), len(at_ca)


def is_settled(site, ways):
    """Every set has the certificate that its file asks for now, delivered, and nothing is under way."""
    if site.sql("SELECT count(*) FROM orders WHERE outcome = 'open'") != [(0,)]:
        return False
    if site.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") != [(0,)]:
        return False
    for name, way in ways.items():
        rows = site.sql("SELECT o.key_kind, o.names, d.done_id = c.id FROM certificate AS c JOIN orders AS o ON o.certificate_id = c.id"
                        " JOIN deployment AS d ON d.set_name = c.set_name WHERE c.set_name = ? AND c.current = 1", name)
        key, names = WAYS[way]
        if len(rows) != 1 or rows[0][0] != key or any(f'"{n}"' not in rows[0][1] for n in names(name)) or rows[0][2] != 1:
            return False
    return True


def came_of_it(site):
    """How many reloads were taken up, and how many refused."""
    return [site.sql("SELECT count(*) FROM event WHERE event = ?", f"config.{what}")[0][0] for what in ("taken", "refused")]


def test_hup_when_sent_all_the_time_with_invalid_files_then_nothing_is_lost_and_nothing_mixed(tmp_path, lane):
    chance = random.Random(SEED)
    context = f"CHANCERY_SEED={SEED} CHANCERY_STORM_S={STORM_S:g}"
    print(f"\n{context}")
    site = lane.site(tmp_path / "site", sets={f"s{i}": (f"s{i}.example.com",) for i in range(N_SETS)})
    lane.ca.set(validate_ms=150, issue_ms=150)
    writer = Writer(site, chance)
    for name in writer.ways:
        writer.put_set(name, 0)
    daemon = site.start("serve", log=tmp_path / "serve.log")
    said = lambda: (tmp_path / "serve.log").read_text(errors="replace")
    try:
        wait_until("it leads", lambda: "serve: leads" in said())
        n_hups, end = 0, time.monotonic() + STORM_S
        # Only some of the files are looked at, each pause twice as long as the one before: it may take a while until one of them is invalid.
        while time.monotonic() < end or (time.monotonic() < end + 60 and min(came_of_it(site)) == 0):
            writer.one()
            daemon.send_signal(signal.SIGHUP)
            n_hups += 1
            time.sleep(EVERY_S)
            assert daemon.poll() is None, f"{context}: {said()}"
        writer.finish()
        daemon.send_signal(signal.SIGHUP)
        wait_until(f"{context}: all is as the files say", lambda: is_settled(site, writer.ways), 90)
        begin = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, f"{context}: {said()}"
        assert time.monotonic() - begin <= 5.0
    except AssertionError as finding:
        raise AssertionError(f"{finding}\n{said()[-6000:]}") from None
    finally:
        group_end(daemon)
        lane.ca.set(validate_ms=5, issue_ms=5)
    n_orders, n_certificates = orders_check(site, context)
    site.check_dns(context)
    site.check_events(context)
    n_taken, n_refused = came_of_it(site)
    assert n_taken >= 2 and n_refused >= 1, f"{context}: {n_taken} taken, {n_refused} refused"
    refused = [row[0] for row in site.sql("SELECT text FROM event WHERE event = 'config.refused'")]
    assert all("chancery.yaml:" in text and "stays in force" in text for text in refused), f"{context}: {refused}"
    print(f"{n_hups} SIGHUPs, {writer.n_writes} writes, {writer.n_invalid} of them invalid; {n_taken} taken up, {n_refused} refusals told; "
          f"{n_orders} orders decided on, {n_certificates} certificates, all stored and all keys there")
