"""One office a test: a folder with configuration, store and sets, and the built program."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import stores  # noqa: E402
from postgresql import Postgresql  # noqa: E402
from servers import Bind, Nginx, Pebble  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CHANCERY_BUILD", "build/crash"))
PROGRAM = (BUILD if BUILD.is_absolute() else ROOT / BUILD) / "chancery"


class Result:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Office:
    """A configuration folder and the program, pointed at it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = folder / "chancery.yaml"
        self.database = stores.make(folder)
        (folder / "sets.d").mkdir(parents=True)
        (folder / "tsig").touch(mode=0o600)

    def write(self, pebble=None, bind=None, authorities=None, providers=None, defaults="", extra=""):
        if authorities is None:
            authorities = (f"  pebble: {{directory: {pebble.url}, ca_file: {pebble.ca_file}, agree_tos: true, "
                           f"contact: [mailto:ops@example.com], parallel: 1}}")
        if providers is None:
            (self.folder / "tsig").write_text(bind.secret + "\n")
            os.chmod(self.folder / "tsig", 0o600)
            zones = ", ".join(bind.zones)
            providers = (f"  bind: {{type: rfc2136, zones: [{zones}], server: '{bind.address}:{bind.port}', "
                         f"tsig: {{name: chancery., algorithm: {bind.algorithm}, secret: 'file:tsig'}}, "
                         f"resolvers: ['{bind.address}:{bind.port}'], authoritative_port: {bind.port}}}")
        self.config.write_text(f"""store: {self.database.setting}
seal: file:seal.key
sets: sets.d/*.yaml
authorities:
{authorities}
providers:
{providers}
{defaults}
{extra}
""")
        if not (self.folder / "seal.key").exists():
            path = self.folder / "seal.key"
            path.touch(mode=0o600)
            import base64
            path.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
            os.chmod(path, 0o400)
        return self

    def set(self, name, names, text=""):
        path = self.folder / "sets.d" / f"{name}.yaml"
        listed = ", ".join(f"'{n}'" for n in names)
        path.write_text(f"names: [{listed}]\n{text}\n")
        return path

    def run(self, *argv, timeout=120, env=None, check=None, program=PROGRAM, preexec_fn=None):
        process = subprocess.run([str(program), *map(str, argv), "--config", str(self.config)], capture_output=True, text=True,
                                 timeout=timeout, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                                 errors="replace", preexec_fn=preexec_fn)
        result = Result(process)
        if check is not None:
            assert result.code == check, result
        return result

    @property
    def store(self):
        """None where the store is not a file."""
        return getattr(self.database, "path", None)

    def sql(self, query, *arguments):
        return self.database.ask(query, *arguments)

    def current(self, name):
        rows = self.sql("SELECT sha256, version, serial, spki FROM certificate WHERE set_name = ? AND current = 1", name)
        return rows[0] if rows else None


# The longest first: they decide how long all of it takes. Then some that are short, for each worker is given two files at once.
FIRST = ["test_revoke.py", "test_hostile_ca.py", "test_http.py", "test_postgresql.py", "test_bad_world.py", "test_challenges.py", "test_chains.py",
         "test_ari.py", "test_accounts.py", "test_propagation.py", "test_keys.py", "test_failover.py", "test_hostile_provider.py",
         "test_dns_races.py", "test_stop.py", "test_main_job.py", "test_cli.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    order = {name: i for i, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(FIRST)))


def pytest_sessionfinish():
    stores.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A PostgreSQL of the file's own: its tests stop it, kill it, or give it several databases."""
    server = Postgresql(tmp_path_factory.mktemp("postgresql") / "cluster")
    yield server
    server.stop()


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path / "office")


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    server = Bind(tmp_path_factory.mktemp("bind"), zones=("example.com", "example.net"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pebble(tmp_path_factory, bind):
    server = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{bind.address}:{bind.port}")
    yield server
    server.stop()


@pytest.fixture
def nginx(tmp_path, office):
    server = Nginx(tmp_path / "nginx", office.folder / "live")
    yield server
    server.stop()
