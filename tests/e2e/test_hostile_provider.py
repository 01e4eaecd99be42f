"""A DNS API that lies, stalls, floods and echoes secrets: one clear error, nothing sent elsewhere, no secret in anything that is left.

Each case is one lie at one stage of a job; all cases run at once. The canary is looked for, in every form it was sent in, in the store and all other
files, and in what the commands print, plain and as JSON.
"""
import base64
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
from conftest import BUILD, PROGRAM, ROOT, Office
from dns_api import Answer, Api, Book, NameServer, quoted
from servers import Pebble

CANARY = 'c4nary-4711/+="sEcret'
SESSION = "c4nary-session-0815-t0ken"
ZONE = "example.test"
HOSTILE = Path(__file__).parent / "hostile.d"
MEASURE = (BUILD if BUILD.is_absolute() else ROOT / BUILD) / "tests/bench/measure"
LOOKS = ("status --json", "history lies", "show lies --json", "provider list --json")


class Thief:
    """Somebody else on this machine: whoever connects was led astray."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.heard = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            client.settimeout(2)
            try:
                self.heard.append(client.recv(65536))
            except OSError:
                self.heard.append(b"(connected)")
            client.close()

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()


class Liar(Api):
    """Honest but for one stage: login, zone, add, state, find or remove."""

    def __init__(self, book, thief, stage, lie):
        super().__init__(book)
        self.thief, self.stage, self.lie, self.n_lies, self.unsigned = thief, stage, lie, 0, []

    def serve(self, method, target, headers, body):
        self.heard.append((method, target))
        path, _, query = target.partition("?")
        stage = path.split("/")[1]
        given = headers.get("Authorization")
        wanted = f"Bearer {SESSION}" if stage != "login" else "Basic " + base64.b64encode(f"chancery:{CANARY}".encode()).decode()
        if given != wanted:
            self.unsigned.append((method, target, given))
        self.query = dict(urllib.parse.parse_qsl(query))
        if stage == self.stage:
            self.n_lies += 1
            self.asked = json.loads(body) if body else None
            answer = self.lie(self)
            if answer is not None:
                return answer
        return getattr(self, f"honest_{stage}")(path, json.loads(body) if body else None)

    def honest_login(self, path, tree):
        return Answer(200, {"token": SESSION})

    def honest_zones(self, path, tree):
        return Answer(200, {"id": "z1", "name": ZONE}) if path == f"/zones/{ZONE}" else Answer(404)

    def honest_add(self, path, tree):
        number = self.book.add(tree["name"], tree["value"])
        # Without an id the value must be looked for when it is to go.
        return Answer(201, {} if self.stage == "find" else {"id": number})

    def honest_state(self, path, tree):
        return Answer(200, {"state": "done"})

    def honest_find(self, path, tree):
        here = self.book.sets.get(self.query.get("name"), [])
        return Answer(200, {"records": [{"id": r.number, "value": r.value} for r in here]})

    def honest_remove(self, path, tree):
        number = urllib.parse.unquote(path.split("/", 2)[2])
        return Answer(204 if any([self.book.remove(n, lambda r: str(r.number) == number) for n in list(self.book.sets)]) else 404)


# ---- the lies; each is given the liar ----

def redirect(status):
    return lambda liar: Answer(status, {"error": "moved"}, {"Location": f"{liar.thief.url}/v1/zones?back=1"})


def next_elsewhere(liar):
    return Answer(200, {"records": [], "next": f"{liar.thief.url}/find?name=x"})


def next_sideways(liar):  # the own host as a user's name at another one
    return Answer(200, {"records": [], "next": f"{liar.url}@{liar.thief.url[7:]}/find"})


def next_for_ever(liar):
    return Answer(200, {"records": [{"id": 1, "value": "x"}], "next": f"{liar.url}/find?page={liar.n_lies}"})


def flood(liar):
    def raw(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while True:
            connection.sendall(b'"' + b"x" * 65536 + b'",')
    return Answer(200, raw=raw)


def deep(liar):
    return Answer(200, data=b"[" * 1_000_000)


def echoes():
    """The secret as the server got it, or could make of it."""
    raw = CANARY.encode()
    basic = base64.b64encode(f"chancery:{CANARY}".encode()).decode()
    return [CANARY, json.dumps(CANARY)[1:-1], urllib.parse.quote(CANARY, safe=""), basic, raw.hex(), base64.urlsafe_b64encode(raw).decode(), SESSION]


def long_error(status, n=10_000_000):
    text = "\x1b[31mno\x07\r\n\x00\u202e" + " ".join(echoes()) + "\x9b" + "y" * n
    return lambda liar: Answer(status, {"error": text, "code": f"bad {CANARY}"})


def text_error(status):
    return lambda liar: Answer(status, data=b"<html>\x1b]0;title\x07" + " ".join(echoes()).encode() + b"\xff\xfe")


def cut_error(n):
    """However much is in front: where the text is cut, no part of the secret may stay."""
    return lambda liar: Answer(400, {"error": "z" * n + CANARY + "z" * 4000, "code": "z" * n + SESSION})


def strange_id(make):
    """The value is added, and its id is a trap."""
    return lambda liar: Answer(201, {"id": make(liar.book.add(liar.asked["name"], liar.asked["value"]))})


def says(status, tree, **headers):
    return lambda liar: Answer(status, tree, {k.replace("_", "-"): v for k, v in headers.items()})


CASES = {
    "login redirected": ("login", redirect(307)), "probe redirected": ("zones", redirect(302)), "add redirected": ("add", redirect(308)),
    "removal redirected": ("remove", redirect(301)),
    "next page elsewhere": ("find", next_elsewhere), "next page sideways": ("find", next_sideways), "pages for ever": ("find", next_for_ever),
    "never done": ("state", says(200, {"state": "pending"})),
    "flood at login": ("login", flood), "flood at the probe": ("zones", flood), "flood at add": ("add", flood),
    "deep at the probe": ("zones", deep), "deep at add": ("add", deep),
    "echo 400 at login": ("login", long_error(400)), "echo 400 at the probe": ("zones", long_error(400, 3_000_000)),
    "echo 400 at add": ("add", long_error(400, 100_000)),
    "echo 401 at add": ("add", long_error(401, 100)), "echo 403 at the probe": ("zones", text_error(403)), "echo 422 at add": ("add", text_error(422)),
    "echo 500 at the probe": ("zones", text_error(500)), "echo 400 at removal": ("remove", long_error(400, 100)),
    **{f"echo cut after {n}": ("add", cut_error(n)) for n in (150, 180, 190, 195, 250, 490, 990)},
    "patience for ever": ("zones", says(429, {"error": "wait"}, Retry_After="99999999999999999999")),
    "patience of a person": ("add", says(429, {"error": CANARY}, Retry_After="Sun, 31 Dec 9999 23:59:59 GMT")),
    "id with a path": ("add", strange_id(lambda n: f"../../login?x={n}\r\nX-Evil: 1")),
    "id is an object": ("add", strange_id(lambda n: {"a": [n]})), "id is 100 kB": ("add", strange_id(lambda n: "1" * 100_000)),
    "zone of somebody else": ("zones", says(200, {"id": "z1", "name": "example.com"})),
    "token is a list": ("login", says(200, {"token": [1]})), "token with a newline": ("login", says(200, {"token": "a\r\nX-Evil: 1"})),
    "token is missing": ("login", says(200, {})),
}
# The job comes to a good end all the same: the value is found by itself, and what the id leads to is not touched.
HARMLESS = {"never done", "id with a path", "id is an object", "id is 100 kB", "token is a list"}
PATIENCE_S = 5  # what is tried again and again is asked to stop


class Trial:
    def __init__(self, name, folder, pebble_of):
        self.name, (stage, lie) = name, CASES[name]
        self.thief, self.book = Thief(), Book((ZONE,))
        self.liar, self.dns = Liar(self.book, self.thief, stage, lie), NameServer(self.book)
        self.office = Office(folder / "office")
        shutil.copytree(HOSTILE, self.office.folder / "manifests.d")
        token = self.office.folder / "token"
        token.touch(mode=0o600)
        token.write_text(CANARY + "\n")
        server = f"{self.dns.address}:{self.dns.port}"
        self.book.put_foreign(f"_acme-challenge.www.{ZONE}", quoted("not ours"))
        self.book.put_foreign(f"lost.{ZONE}", quoted("not ours"))
        self.office.write(
            authorities=f"  pebble: {{directory: {pebble_of.url}, ca_file: {pebble_of.ca_file}, agree_tos: true}}",
            providers=f"  fake: {{type: h-api, zones: [{ZONE}], base_url: '{self.liar.url}', token: 'file:token', resolvers: ['{server}'], "
                      f"authoritative_port: {self.dns.port}}}", extra="manifests: {folder: manifests.d}")
        self.office.set("lies", [f"www.{ZONE}"])
        self.said = []

    def measured(self, *argv):
        """The exit code; a run that is patient is asked to end by SIGTERM."""
        figures, begin = self.office.folder / "figures", time.monotonic()
        process = subprocess.Popen([str(a) for a in (MEASURE, figures, PROGRAM, *argv, "--config", self.office.config)], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            # What does no harm comes to its end, however busy the machine is.
            said, _ = process.communicate(timeout=90 if self.name in HARMLESS else PATIENCE_S)
        except subprocess.TimeoutExpired:
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGTERM)
            said, _ = process.communicate(timeout=60)
        self.said.append(said)
        self.rss_kib, self.seconds = json.loads(figures.read_text())["max_rss_kib"], time.monotonic() - begin
        return process.returncode

    def run(self):
        try:
            self.office.run("init", check=0)
            self.code = self.measured("provider", "test", "fake", f"www.{ZONE}")
            self.measured("provider", "test", "fake", f"www.{ZONE}", "--json")
            for command in LOOKS:
                result = self.office.run(*command.split())
                self.said.append((result.out + result.err).encode())
            return self
        finally:
            for server in (self.liar, self.dns, self.thief):
                server.stop()

    def all_that_is_left(self):
        yield "what was printed", b"\n".join(self.said)
        for path in self.office.folder.rglob("*"):
            if path.is_file() and path.name not in ("token", "figures"):
                yield path.name, path.read_bytes()


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    pebble = Pebble(folder / "pebble", dns="127.0.0.1:9")
    try:
        with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
            futures = {name: pool.submit(Trial(name, folder / re.sub(r"\W", "-", name), pebble).run) for name in CASES}
            concurrent.futures.wait(futures.values())
        yield futures
    finally:
        pebble.stop()


@pytest.mark.parametrize("name", CASES)
def test_provider_when_the_api_lies_then_one_error_nothing_elsewhere_and_no_secret_left(trials, name):
    trial = trials[name].result()
    said = b"\n".join(trial.said)
    assert trial.liar.n_lies > 0, f"nobody asked: {said.decode(errors='replace')}"
    assert trial.thief.heard == [], "something was sent elsewhere"
    assert (trial.code == 0) == (name in HARMLESS), f"exit {trial.code}: {said.decode(errors='replace')}"
    assert trial.book.wrong == [], trial.book.wrong
    assert trial.rss_kib < 150_000, f"{trial.rss_kib} KiB"
    print(f"{name}: exit {trial.code}, {trial.seconds:.1f} s, {trial.rss_kib} KiB: {said[:700].decode(errors='replace')}")
    for where, data in trial.all_that_is_left():
        for form in [*echoes(), CANARY[:8], SESSION[:10]]:
            assert form.encode() not in data, f"{form} is in {where}: ...{data[max(0, data.find(form.encode()) - 200):][:300]!r}"
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", said), f"control characters reach the terminal: {said!r}"
    assert max(map(len, trial.said[0].splitlines()), default=0) < 3000, "an error is a line, not a book"
