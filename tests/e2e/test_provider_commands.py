"""provider new, lint, test, txt and a folder of manifests, as a person would use them: the built program, BIND, an API on this machine."""
import json
import os
import random
import re
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import PROGRAM, ROOT, Office
from servers import wait_until

NAME = "_acme-challenge.www.example.com"


@pytest.fixture
def desk(tmp_path, pebble, bind):
    desk = Office(tmp_path / "office").write(pebble, bind)
    subprocess.run([PROGRAM, "init", desk.folder], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    yield desk
    desk.run("provider", "txt", "remove", "bind", NAME)
    assert bind.all_txt() == []


# ---- a value by hand ----

def test_txt_when_added_then_served_kept_by_every_run_and_removed_again(desk, bind):
    added = desk.run("provider", "txt", "add", "bind", NAME, "one", "two", "--json", check=0).json()
    assert added["values"] == ["one", "two"] and added["served"] and added["until_at"] is None
    assert sorted(v for _, v in bind.all_txt()) == ["one", "two"]
    before = desk.sql("SELECT * FROM txt ORDER BY id")
    desk.run("renew", check=0)
    status = desk.run("status", "--json", check=0).json()
    assert (status["txt_left"], status["txt_by_hand"]) == (0, 2) and "2 TXT records by hand" in desk.run("status", check=0).out
    assert "txt.by_hand" in desk.run("history", "--all", "-n", "0", check=0).out
    assert desk.sql("SELECT * FROM txt ORDER BY id") == before, "an idle run wrote to them"
    listed = desk.run("provider", "txt", "list", "--json", check=0).json()["records"]
    assert [(r["value"], r["state"], r["wish"]) for r in listed] == [("one", "served", "present"), ("two", "served", "present")]
    assert "two" in desk.run("provider", "txt", "list", check=0).out
    n = len(bind.query_log())
    desk.run("provider", "txt", "add", "bind", NAME, "two", check=0)
    assert len(bind.query_log()) > n and len(desk.sql("SELECT 1 FROM txt WHERE state <> 'gone'")) == 2, "adding again is no second row"
    assert desk.run("provider", "txt", "remove", "bind", NAME, "one", "--json", check=0).json()["removed"] == 1
    assert [v for _, v in bind.all_txt()] == ["two"]
    assert "removed" in desk.run("provider", "txt", "remove", "bind", NAME, check=0).out
    assert bind.all_txt() == []
    assert "no TXT record" in desk.run("provider", "txt", "list", check=0).out
    assert "nothing was asked" in desk.run("provider", "txt", "remove", "bind", NAME, check=0).out


def test_txt_when_killed_then_the_row_is_known_and_can_be_removed(desk, bind):
    """Killed before it asked, and before each of its commits: whatever stands in the zone is known, stays, and can be taken away."""
    n_standing = 0
    for failpoint in ("txt.job.before=kill@1", *(f"store.commit.before=kill@{n}" for n in range(1, 60))):
        killed = desk.run("provider", "txt", "add", "bind", NAME, "lost", env={"CHANCERY_FAILPOINT": failpoint})
        if killed.code == 0 or n_standing > 0:
            break
        assert killed.code == -signal.SIGKILL, killed
        rows = desk.run("provider", "txt", "list", "--json", check=0).json()["records"]
        assert {v for _, v in bind.all_txt()} <= {r["value"] for r in rows}, "a record stands that nobody knows"
        n_standing += len(bind.all_txt())
        desk.run("renew", check=0)
        assert desk.run("provider", "txt", "list", "--json", check=0).json()["records"] == rows, "a run touched what a person wants"
        desk.run("provider", "txt", "remove", "bind", NAME, "lost", check=0)
        assert bind.all_txt() == [] and desk.run("provider", "txt", "list", "--json").json()["records"] == []
    assert n_standing > 0, "no kill came while a record stood"


def test_txt_when_its_time_is_over_then_the_next_run_removes_it(desk, bind):
    desk.run("provider", "txt", "add", "bind", NAME, "short", "--for", "1s", "--no-propagation", check=0)
    for _ in range(20):
        desk.run("renew", check=0)
        if not bind.all_txt():
            break
        threading.Event().wait(0.5)
    assert bind.all_txt() == [] and desk.run("provider", "txt", "list", "--json").json()["records"] == []


def test_txt_when_it_cannot_be_then_said_and_nothing_is_left(desk, bind):
    assert "printable" in desk.run("provider", "txt", "add", "bind", NAME, "a\tb", check=2).err
    assert "no provider has a zone" in desk.run("provider", "txt", "add", "bind", "x.nobody.test", "v", check=2).err
    assert "did you mean" in desk.run("provider", "txt", "add", "bnid", NAME, "v", check=2).err
    assert "add, remove or list" in desk.run("provider", "txt", "drop", "bind", NAME, check=2).err
    assert "VALUE" in desk.run("provider", "txt", "add", "bind", NAME, check=2).err
    (desk.folder / "tsig").write_text("d3Jvbmc=\n")
    refused = desk.run("provider", "txt", "add", "bind", NAME, "v", check=1)
    assert "tsig" in refused.err.lower() or "BADSIG" in refused.err, refused
    (desk.folder / "tsig").write_text(bind.secret + "\n")
    desk.run("provider", "txt", "remove", "bind", NAME, check=0)


def test_txt_when_another_process_leads_then_said_or_waited_for(desk, bind):
    other = subprocess.Popen([PROGRAM, "provider", "test", "bind", "--config", desk.config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=dict(os.environ, CHANCERY_FAILPOINT="txt.job.before=sleep:2500@1"))
    try:
        wait_until("the other leads", lambda: desk.sql("SELECT count(*) FROM txt WHERE state <> 'gone'") == [(1,)])
        held = desk.run("provider", "txt", "add", "bind", NAME, "v", "--no-wait", check=3)
        assert "provider test" in held.err
        desk.run("provider", "txt", "add", "bind", NAME, "v", check=0)
    finally:
        assert other.wait(60) == 0


# ---- provider test ----

def test_provider_test_when_no_host_is_named_then_no_challenge_name_is_touched(desk, bind):
    n = len(bind.query_log())
    tried = desk.run("provider", "test", "bind", "--zone", "example.net", "--json", check=0).json()
    assert tried["ok"] and tried["name"].startswith("_chancery-test-") and tried["name"].endswith(".example.net")
    assert "_acme-challenge" not in bind.query_log()[n:] and tried["name"] in bind.query_log()[n:]
    assert desk.run("provider", "test", "bind", check=0).out.startswith("works: provider bind published a value at _chancery-test-")
    assert "not both" in desk.run("provider", "test", "bind", "www.example.com", "--zone", "example.net", check=2).err
    assert "no provider has a zone" in desk.run("provider", "test", "bind", "--zone", "nobody.test", check=2).err
    assert bind.all_txt() == []


# ---- manifests of one's own ----

class Api(BaseHTTPRequestHandler):
    """What the skeleton of model record speaks to; its records are written into nothing but memory."""
    protocol_version = "HTTP/1.1"

    def answer(self, status, tree=None):
        body = b"" if tree is None else json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.command, self.path, self.headers["Authorization"]))
        if self.path == "/zones/example.com":
            return self.answer(200, {"id": "z1", "name": "example.com"})
        return self.answer(404)

    def do_POST(self):
        self.server.seen.append((self.command, self.path, self.headers["Authorization"]))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(403, {"error": {"code": "readonly", "message": "this token may only read"}})


@pytest.fixture
def api():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def own(tmp_path, bind, api):
    """An office with a manifest of its own, for a service on this machine."""
    office = Office(tmp_path / "own")
    folder = office.folder / "manifests.d"
    folder.mkdir(mode=0o755)
    subprocess.run([PROGRAM, "provider", "new", folder / "lantern.yaml"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (office.folder / "token").write_text("open-sesame\n")
    os.chmod(office.folder / "token", 0o600)
    where = f"resolvers: ['{bind.address}:{bind.port}'], authoritative_port: {bind.port}"
    office.write(authorities="  one: {directory: https://127.0.0.1:1/dir}", providers=(
        f"  lamp: {{type: lantern, zones: [example.com], token: 'file:token', base_url: 'http://127.0.0.1:{api.server_port}', {where}}}\n"
        f"  own: {{type: exec, zones: [example.net], argv: [/bin/true]}}"), extra="manifests: {folder: manifests.d}")
    subprocess.run([PROGRAM, "init", office.folder], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return office


def test_own_manifest_when_it_is_good_then_a_provider_speaks_by_it(own, api):
    tree = own.run("provider", "list", "--json", check=0).json()
    lamp = next(p for p in tree["configured"] if p["name"] == "lamp")
    assert lamp["status"] == "trial" and lamp["manifest"].endswith("manifests.d/lantern.yaml")
    assert len(tree["manifests"]) == 1 and len(tree["manifests"][0]["sha256"]) == 64
    line = next(t for t in tree["types"] if t["type"] == "lantern")
    assert (line["model"], line["status"]) == ("record", "trial")
    assert "lantern.yaml" in own.run("provider", "list", check=0).out
    refused = own.run("provider", "txt", "add", "lamp", "x.example.com", "v", check=1)
    assert "this token may only read" in refused.err and "open-sesame" not in refused.err + refused.out
    assert [s[:2] for s in api.seen] == [("GET", "/zones/example.com"), ("POST", "/zones/z1/records")]
    assert api.seen[1][2] == "Bearer open-sesame"
    assert "on trial" in own.run("check", "--files-only").out
    assert "On trial" in own.run("provider", "show", "lantern", check=0).out


def test_provider_test_when_nobody_answers_then_why_it_waits_is_said_at_once_and_at_the_end(own, api):
    own.config.write_text(own.config.read_text().replace(f":{api.server_port}", ":1"))
    process = subprocess.Popen([PROGRAM, "provider", "test", "lamp", "--config", own.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)
    said = process.stderr.readline()
    process.terminate()
    assert "provider lamp (lantern), zone example.com: GET /zones" in said and "tried again in" in said, said
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "so far: provider lamp" in err and "refused" in err, (process.returncode, out, err)


def test_own_manifest_when_it_is_broken_then_its_sets_wait_and_the_others_go_on(own):
    path = own.folder / "manifests.d/lantern.yaml"
    path.write_text(path.read_text().replace("remove:\n", "remvoe:\n"))
    own.set("lamp", ["www.example.com"])
    own.set("other", ["www.example.net"])
    checked = own.run("check", check=2).out
    assert "lantern.yaml:61:1: unknown member \"remvoe\"" in checked and "did you mean \"remove\"" in checked, checked
    assert "lamp.yaml:1:8: provider lamp cannot be used" in checked
    plan = {line["set"]: line for line in own.run("plan", "--all", "--json", check=0).json()["plan"]}
    assert plan["lamp"]["action"] == "broken" and plan["other"]["action"] != "broken", plan
    broken = next(t for t in own.run("provider", "list", "--json", check=0).json()["types"] if t["type"] == "lantern")
    assert broken["status"] == "broken" and "lantern.yaml:61:1" in broken["title"]
    assert "cannot be used" in own.run("provider", "test", "lamp", check=2).err
    os.chmod(path, 0o666)
    assert "can be written by everybody" in own.run("check", check=2).out


# ---- lint, new ----

def test_new_and_lint_when_used_together_then_what_is_written_is_in_order(tmp_path):
    def run(*argv):
        return subprocess.run([PROGRAM, "provider", *argv], capture_output=True, text=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    for model in ("record", "value", "rrset", "document", "single"):
        assert run("new", "--model", model, f"{model}-api.yaml").returncode == 0
        linted = run("lint", f"{model}-api.yaml")
        assert linted.returncode == 0 and "0 warnings" in linted.stdout, linted
        assert "Authorization: Bearer {{token}}" in linted.stdout
        tree = json.loads(run("lint", f"{model}-api.yaml", "--json").stdout)
        assert tree["ok"] and tree["add"]["ends_early"] is None and tree["remove"]["calls"][-1]["method"] in ("DELETE", "PUT", "POST")
    assert "is there already" in run("new", "record-api.yaml").stderr
    assert "the models are document, record" in run("new", "--model", "rcord").stderr
    text = (tmp_path / "record-api.yaml").read_text()
    (tmp_path / "record-api.yaml").write_text(text.replace("zone.id}", "zone.idd}"))
    assert "here the dry run ends: the manifest asks for what no answer brought" in run("lint", "record-api.yaml").stdout
    (tmp_path / "record-api.yaml").write_text(text.replace("hosts: [api.example.net]", "hosts: [elsewhere.example]").replace("model:", "modle:"))
    broken = run("lint", "record-api.yaml", "--json")
    assert broken.returncode == 2
    errors = json.loads(broken.stdout)["errors"]
    assert ["modle" in e["text"] for e in errors].count(True) == 1 and all(e["line"] > 0 for e in errors)
    assert any("which \"hosts\" does not name" in e["text"] for e in errors)


def test_lint_when_it_is_a_type_of_the_program_then_its_requests_are_shown():
    shown = subprocess.run([PROGRAM, "provider", "lint", "hetzner"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           env=dict(os.environ, CHANCERY_CONFIG="/nonexistent.yaml"))
    assert shown.returncode == 0 and "https://api.hetzner.cloud/v1/zones/example.com" in shown.stdout


def test_show_when_asked_from_the_environment_then_references_and_no_values():
    env = dict(os.environ, CHANCERY_CONFIG="/nonexistent.yaml", HETZNER_API_TOKEN="open-sesame")
    shown = subprocess.run([PROGRAM, "provider", "show", "hetzner", "--from-env"], capture_output=True, text=True, env=env,
                           stdin=subprocess.DEVNULL)
    assert shown.returncode == 0 and "    token: env:HETZNER_API_TOKEN\n" in shown.stdout and "open-sesame" not in shown.stdout


# ---- the text of examples/new-provider ----

def blocks(part):
    """The commands of one part of the text, as a person would copy them."""
    text = (ROOT / "examples/new-provider/README.md").read_text()
    text = text[text.index(f"## Part {part}"):]
    text = text[:text.index("## Part", 5)] if "## Part" in text[5:] else text
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S))


def test_example_when_its_text_is_followed_then_it_does_what_it_says(tmp_path):
    commands = blocks(1)
    assert commands.count("/tmp/lantern-try") == 2
    # Its own folder, and an address of its own: somebody may be following the text on this machine.
    address = f"127.{random.randint(60, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
    commands = commands.replace("/tmp/lantern-try", str(tmp_path / "try"))
    commands = commands.replace("\nexport", f"\nsed -i s/127.53.0.1/{address}/ fake_lantern.py chancery.yaml\nexport", 1)
    script = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + commands
    env = dict(os.environ, PATH=f"{PROGRAM.parent}:{os.environ['PATH']}")
    env.pop("CHANCERY_CONFIG", None)
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    for words in ("wrote manifests.d/lantern.yaml", "type lantern, model record, 2 settings, 0 warnings", "X-Lantern-Key: {{key}}",
                  "all in order", "works: provider lamp published a value at _chancery-test-", "some-value", "exit code 1"):
        assert words in run.stdout, (words, run.stdout + run.stderr)
    assert "this key opens nothing" in run.stderr
    assert "DELETE /v2/zones/6f1c/entries/" in (tmp_path / "try/api.log").read_text()
