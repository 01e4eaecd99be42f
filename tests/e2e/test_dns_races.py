"""Fifty orders at once on one zone, through each model, at a provider that stumbles: all issued, nobody else's record ever touched.

The provider checks itself after each change; the CA of the tests looks at what its name server shows (Pebble locks up when an order is
placed beside a fetch of an authorization, and fifty at once do nothing else). CHANCERY_LONG runs more seeds, CHANCERY_SEED
those that it names.
"""
import concurrent.futures
import os
import random
import shutil
import time
from pathlib import Path

import pytest
from conftest import Office
from dns_api import TOKEN, Api, Book, NameServer, Stumble
from hostile_world import FakeCa

MANIFESTS = Path(__file__).parent / "manifests.d"
MODELS = sorted(p.stem for p in MANIFESTS.glob("*.yaml"))
ZONE, SIDE, N = "example.test", "side.test", 50
SHARED = f"_acme-challenge.shared.{ZONE}"
LONG = os.environ.get("CHANCERY_LONG")
CHANCE = {"t-batch": 30, "t-document": 30}  # percent of requests; the others make some for each value


def names_of(i):
    """Base and wildcard; every fifth one lives beside the zone and is delegated to one name in it."""
    base = f"n{i}.{SIDE if i % 5 == 0 else ZONE}"
    return [base, f"*.{base}"]


class Wanted:
    """Was a value wished for at a name? The program writes that down before it asks anybody."""

    def __init__(self, database):
        self.database, self.known = database, set()

    def __call__(self, name, value):
        if (name, value) not in self.known:
            self.known.update(self.database.ask("SELECT owner, value FROM txt"))
        return (name, value) in self.known


class Trial:
    def __init__(self, folder, model, seed):
        self.model, self.seed = model, seed
        self.office = Office(folder / "office")
        cnames = {f"_acme-challenge.{names_of(i)[0]}": SHARED for i in range(0, N, 5)}
        self.book = Book((ZONE, SIDE), cnames, lag_s=0.3, wanted=Wanted(self.office.database))
        dice = random.Random(seed)
        self.book.put_foreign(SHARED, '"v=spf1 ~all"')
        for i in dice.sample(range(N), 12):
            self.book.put_foreign(f"_acme-challenge.n{i}.{ZONE}", f'"not ours {i}; \\"quoted\\" and \\\\ all"', note=f"note {i}")
        self.stumble = Stumble(seed, CHANCE.get(model, 5))
        self.api = Api(self.book, self.stumble)
        self.dns = NameServer(self.book)
        self.ca = FakeCa(folder / "ca", dns=f"{self.dns.address}:{self.dns.port}")
        self.configure()

    def configure(self):
        folder = self.office.folder
        shutil.copytree(MANIFESTS, folder / "manifests.d")
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(TOKEN + "\n")
        server = f"{self.dns.address}:{self.dns.port}"
        self.office.write(
            authorities=f"  fake: {{directory: {self.ca.url}, ca_file: {self.ca.ca_file}, agree_tos: true, parallel: {N}}}",
            providers=f"  fake: {{type: {self.model}, zones: [{ZONE}, {SIDE}], base_url: '{self.api.url}', token: 'file:token', "
                      f"resolvers: ['{server}'], authoritative_port: {self.dns.port}}}",
            extra="manifests: {folder: manifests.d}")
        self.office.run("init", check=0)
        for i in range(N):
            self.office.set(f"s{i}", names_of(i))

    def hurry(self):
        """Whatever was put off has its time now."""
        self.office.database.change("UPDATE orders SET next_at_ms = 0 WHERE ended_at_ms IS NULL")
        self.office.database.change("UPDATE domain_set SET next_at_ms = 0 WHERE n_failures > 0")
        self.office.database.change("UPDATE txt SET next_at_ms = 0 WHERE state <> 'gone'")

    def run(self):
        begin, said = time.monotonic(), []
        try:
            for _ in range(6):
                result = self.office.run("renew", timeout=300)
                said.append(result.err + result.out)
                if result.code == 0 and not self.book.ours():
                    break
                self.hurry()
            self.said, self.code = "".join(said), result.code
            self.n_runs, self.seconds = len(said), time.monotonic() - begin
            self.check()
        finally:
            self.stop()
        return self

    def stop(self):
        for server in (self.api, self.dns, self.ca):
            server.stop()

    def check(self):
        context = f"{self.model}, seed {self.seed}, {self.n_runs} runs"
        assert self.book.wrong == [], f"{context}: {self.book.wrong[:5]}"
        open_rows = self.office.sql("SELECT owner, value, wish, state, ref, n_tries, failure FROM txt WHERE state <> 'gone'")
        assert self.book.twins == [], f"{context}: added twice: {self.book.twins}\n" + "\n".join(str(h) for h in self.api.heard)
        assert self.code == 0, f"{context}: exit {self.code}\n{self.said[-3000:]}\n{open_rows}\nleft: {self.book.ours()}"
        assert self.book.ours() == [], f"{context}: left: {self.book.ours()}"
        assert self.office.sql("SELECT count(DISTINCT set_name) FROM certificate WHERE current = 1") == [(N,)], context
        assert open_rows == [], context
        assert len(self.book.was_there) == len(self.office.sql("SELECT DISTINCT owner, value FROM txt")) >= 2 * N, context
        assert TOKEN.encode() not in self.office.database.dump(), f"{context}: the token is in the store"
        assert TOKEN not in self.said, context


def seeds_draw(n):
    given = [int(s) for s in os.environ.get("CHANCERY_SEED", "").split()]
    return given or [random.SystemRandom().randrange(1, 1 << 30) for _ in range(n)]


def trials_run(folders, seed):
    """One of each model, all at once: a run mostly waits."""
    with concurrent.futures.ThreadPoolExecutor(len(MODELS)) as pool:
        trials = {model: Trial(folders.mktemp(f"{model}-{seed}"), model, seed) for model in MODELS}
        futures = {model: pool.submit(trial.run) for model, trial in trials.items()}
        concurrent.futures.wait(futures.values())
    return futures


def tell(trial):
    print(f"\n{trial.model}, seed {trial.seed}: {N} orders in {trial.seconds:.1f} s and {trial.n_runs} runs, {len(trial.api.heard)} requests, "
          f"{trial.book.n_changes} changes, {trial.stumble.counts}")
    assert sum(trial.stumble.counts.values()) > 0, "nothing went wrong: this shows nothing"


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return trials_run(tmp_path_factory, seeds_draw(1)[0])


@pytest.mark.parametrize("model", MODELS)
def test_orders_when_the_provider_stumbles_then_all_are_issued_and_only_ours_changes(trials, model):
    tell(trials[model].result())


def test_orders_when_more_seeds_are_drawn_then_the_same(tmp_path_factory):
    if not LONG:
        pytest.skip("LOUD: one seed a run; CHANCERY_LONG=1 draws eight more, CHANCERY_SEED=\"1 2 3\" takes these")
    for seed in seeds_draw(8):
        for future in trials_run(tmp_path_factory, seed).values():
            tell(future.result())
