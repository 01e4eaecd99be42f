"""The exposed lock: plain lego and certbot under it, one at a time; killed, stopped, broken, lost, busy, refused; on a terminal; from another host."""
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import stores
from conftest import PROGRAM, ROOT
from http_face import Face, make_ca, make_cert, token_of
from servers import Bind, Pebble, find_program, wait_until
from test_serve import daemons  # noqa: F401

NAME = "www.example.com"


class Locker:
    """The program as a user of the lock calls it; everything it starts is ended."""

    def __init__(self, office):
        self.office, self.started = office, []

    def argv(self, *words):
        return [str(PROGRAM), "--config", str(self.office.config), "lock", *map(str, words)]

    def start(self, *words, **how):
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how}
        process = subprocess.Popen(self.argv(*words), **how)
        self.started.append(process)
        return process

    def run(self, *words, check=None, **how):
        process = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **how)
        assert check is None or process.returncode == check, (process.returncode, process.stdout, process.stderr)
        return process

    def row(self, name=NAME):
        return self.office.run("locks", name, "--json", check=0).json()

    def wait_held(self, name=NAME):
        wait_until("the lock is held", lambda: self.row(name)["held"])
        return self.row(name)

    def stop(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def locker(office):
    office.write(authorities="  one: {directory: 'https://127.0.0.1:1/dir', agree_tos: true}",
                 providers="  corp: {type: exec, zones: [example.com], argv: [/bin/true]}")
    office.run("init", check=0)
    locker = Locker(office)
    yield locker
    locker.stop()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def pid_in(path):
    wait_until("the command runs", lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


# ---- one command ----


def test_command_when_locked_then_it_gets_its_world_and_its_code_is_passed_on(locker, tmp_path):
    out = locker.run("*.WWW.Example.com.", "--", "sh", "-c", 'echo "$LOCK_NAME $LOCK_TOKEN $LOCK_EXPIRES [$LOCK_HEADROOM]"; umask; cat',
                     check=0).stdout.splitlines()
    assert re.fullmatch(r"www\.example\.com 1 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \[\]", out[0]), out
    assert int(out[1], 8) == os.umask(os.umask(0o22)) or out[1] in ("0022", "0002", "0077"), out
    assert locker.run(NAME, "--", "sh", "-c", "exit 7").returncode == 7
    assert locker.run(NAME, "--", "sh", "-c", "kill -9 $$").returncode == 128 + 9
    assert locker.run(NAME, "--", "no-such-program").returncode == 127
    assert locker.run(NAME, "--", tmp_path).returncode == 126
    assert locker.run("not a name", "--", "true").returncode == 2
    assert locker.run(NAME).returncode == 2
    told = json.loads(locker.run("--json", NAME, "--", "echo", "hello", check=0).stdout)
    assert told["outcome"] == "ended" and told["released"] and told["fencing"] == 6, told
    assert not locker.row()["held"]


def test_lock_when_busy_then_75_names_the_holder_and_the_list_shows_it(locker):
    holder = locker.start(NAME, "--", "sleep", "60")
    row = locker.wait_held()
    assert row["pid"] == holder.pid and row["holder"] == "sleep", row
    busy = locker.run("--no-wait", NAME, "--", "true", check=75)
    assert f"pid {holder.pid}" in busy.stderr and "since 20" in busy.stderr, busy.stderr
    begin = time.monotonic()
    locker.run("--wait", "1s", NAME, "--", "true", check=75)
    assert time.monotonic() - begin >= 1
    assert json.loads(locker.run("--json", "--no-wait", NAME, "--", "true", check=75).stdout)["error"]["kind"] == "held"
    assert [r["name"] for r in locker.office.run("locks", "--json", check=0).json()["locks"]] == [NAME]
    assert NAME in locker.office.run("locks", check=0).out
    waiting = locker.start("--wait", "30s", NAME, "--", "echo", "mine")
    wait_until("somebody waits", lambda: locker.row()["waiting"] == 1)
    holder.terminate()
    assert holder.wait(10) == 128 + signal.SIGTERM
    assert waiting.communicate(timeout=20)[0] == "mine\n" and waiting.returncode == 0


def test_lock_when_broken_then_recorded_and_the_holder_ends_with_76(locker, tmp_path):
    holder = locker.start("--ttl", "6s", NAME, "--", "sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60")
    child = pid_in(tmp_path / "pid")
    assert locker.run("--break", NAME).returncode == 2
    asked = locker.run("--break", NAME, "--reason", "gone")
    assert asked.returncode == 2 and "--yes" in asked.stderr and locker.row()["held"]
    locker.run("--break", NAME, "--reason", "web1 was scrapped", "--yes", check=0)
    assert locker.run(NAME, "--no-wait", "--", "true").returncode == 0
    out, err = holder.communicate(timeout=15)
    assert holder.returncode == 76 and "number 1" in err, (holder.returncode, err)
    assert not is_alive(child)
    assert "web1 was scrapped" in locker.office.run("history", "--all", check=0).out
    assert locker.run("--break", NAME, "--reason", "again", "--yes").returncode == 1


# ---- killed, stopped, cut off ----


def test_lock_when_killed_then_the_command_dies_with_it_and_the_lock_is_free_at_once(locker, tmp_path):
    script = f"sleep 61 & echo $! > {tmp_path}/grandchild; echo $$ > {tmp_path}/pid; trap '' TERM HUP; wait"
    holder = locker.start("--ttl", "1h", NAME, "--", "sh", "-c", script)
    child, grandchild = pid_in(tmp_path / "pid"), pid_in(tmp_path / "grandchild")
    holder.kill()
    holder.wait()
    locker.run("--no-wait", NAME, "--", "true", check=0)
    wait_until("nothing of the command runs", lambda: not is_alive(child) and not is_alive(grandchild), 5)
    assert "the process is gone" in locker.office.run("history", "--all", check=0).out


def test_lock_when_stopped_for_two_ttls_then_the_command_has_ended_before_the_lock(locker, tmp_path):
    """The keeper does it: nobody else is there to."""
    holder = locker.start("--ttl", "5s", NAME, "--", "sh", "-c",
                          f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do date +%s.%N >> {tmp_path}/alive; sleep 0.1; done")
    child = pid_in(tmp_path / "pid")
    stores.freeze_between_changes(holder, locker.office.database.is_being_changed)
    next_one = locker.start("--wait", "30s", NAME, "--", "sh", "-c", "date +%s.%N; echo $LOCK_TOKEN")
    granted, token = next_one.communicate(timeout=30)[0].split()
    assert not is_alive(child), "the command of a stopped holder ran on"
    assert float((tmp_path / "alive").read_text().split("\n")[-2]) < float(granted) and token == "2"
    holder.send_signal(signal.SIGCONT)
    out, err = holder.communicate(timeout=20)
    assert holder.returncode == 76, (holder.returncode, err)
    assert locker.row()["fencing"] == 2


@stores.only("sqlite", "a file is held by another writer, and moved away")
def test_lock_when_the_store_goes_away_then_ended_in_time_and_78_for_others(locker, tmp_path):
    holder = locker.start("--ttl", "5s", NAME, "--", "sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60")
    child = pid_in(tmp_path / "pid")
    writer = sqlite3.connect(locker.office.store, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    wait_until("the command has ended", lambda: not is_alive(child), 10)
    assert time.monotonic() - begin < 10
    writer.close()
    out, err = holder.communicate(timeout=30)
    assert holder.returncode == 76, (holder.returncode, err)
    locker.office.store.rename(tmp_path / "away")
    lost = locker.run("--no-wait", NAME, "--", "touch", tmp_path / "ran")
    assert lost.returncode == 78 and not (tmp_path / "ran").exists(), lost.stderr


def test_keeper_when_killed_then_another_stands_in(locker, tmp_path):
    holder = locker.start("--ttl", "1h", NAME, "--", "sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 60")
    child = pid_in(tmp_path / "pid")

    def keepers():
        found = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(holder.pid)], capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in found.splitlines() if "chancery-keep" in line]
    wait_until("a keeper stands", keepers)
    first = keepers()[0]
    os.kill(first, signal.SIGKILL)
    wait_until("another keeper stands", lambda: keepers() and keepers() != [first])
    holder.kill()
    holder.wait()
    wait_until("the command is gone", lambda: not is_alive(child), 5)


# ---- a terminal ----


def test_lock_when_on_a_terminal_then_the_command_has_it_and_ctrl_c_reaches_it(locker):
    pid, master = pty.fork()
    if pid == 0:
        os.execv(str(PROGRAM), locker.argv(NAME, "--", sys.executable, "-c",
                 "import os, sys, time\nprint(os.isatty(0), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
                 "try: print('said', input(), flush=True); time.sleep(60)\nexcept KeyboardInterrupt: sys.exit(9)"))
    said = b""

    def read_until(words):
        nonlocal said
        end = time.monotonic() + 20
        while words not in said and time.monotonic() < end:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    said += os.read(master, 4096)
                except OSError:
                    break
        assert words in said, said
    read_until(b"True True")
    os.write(master, b"hello\n")
    read_until(b"said hello")
    os.write(master, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    os.close(master)


# ---- many at once: lego and certbot, plain, at a CA ----


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    bind = Bind(tmp_path_factory.mktemp("bind"), zones=("example.com",))
    # lego and certbot sleep for seconds where a name is proved anew: usually only the first run of an account does.
    reuse = 0 if os.environ.get("CHANCERY_TEST_LOCK_FULL") else 100
    pebble = Pebble(tmp_path_factory.mktemp("pebble"), dns=f"{bind.address}:{bind.port}", nonce_reject=0, authz_reuse=reuse)
    yield bind, pebble
    pebble.stop()
    bind.stop()


def lego_command(folder, bind, pebble, account):
    env = {"LEGO_CA_CERTIFICATES": str(pebble.ca_file), "RFC2136_NAMESERVER": f"{bind.address}:{bind.port}", "RFC2136_TSIG_KEY": "chancery.",
           "RFC2136_TSIG_ALGORITHM": f"{bind.algorithm}.", "RFC2136_TSIG_SECRET": bind.secret, "RFC2136_POLLING_INTERVAL": "1"}
    return env, ["lego", "--server", pebble.url, "--accept-tos", "--email", f"{account}@example.com", "--path", str(folder), "--dns", "rfc2136",
                 "--dns.disable-cp", "--dns.resolvers", f"{bind.address}:{bind.port}", "--domains", NAME, "run"]


def orders_of(log):
    """What the CA saw, in its order: "+" an order was placed, "-" it issued."""
    return "".join("+" if "Added order" in line else "-" for line in log.splitlines()
                   if "Added order" in line or "Issued certificate serial" in line)


@pytest.mark.skipif(not find_program("lego"), reason="lego is not installed: run tests/run.sh, which installs it")
def test_twenty_lego_runs_when_started_at_once_then_the_ca_sees_one_order_at_a_time(locker, world, tmp_path):
    bind, pebble = world
    book = tmp_path / "book"
    before = len(pebble.log())
    runs = []
    for i in range(20):
        env, argv = lego_command(tmp_path / "lego", bind, pebble, "ops")
        runs.append(locker.start("--wait", "5m", "--ttl", "20s", NAME, "--", "sh", "-c",
                                 f'echo "in $LOCK_TOKEN" >> {book}; "$@"; c=$?; echo "out $LOCK_TOKEN" >> {book}; exit $c', "sh", *argv,
                                 env=dict(os.environ, **env), stdout=subprocess.DEVNULL))
    for run in runs:
        err = run.communicate(timeout=240)[1]
        assert run.returncode == 0, err[-2000:]
    lines = book.read_text().split("\n")[:-1]
    assert lines == [f"{word} {token}" for token in range(1, 21) for word in ("in", "out")], lines
    assert orders_of(pebble.log()[before:]) == "+-" * 20
    # The same by the script of the examples, and what it makes of several names.
    words = argv[1:argv.index("--domains")]
    lego = example(locker, "lego-locked", NAME, *words, "run", env=env)
    assert lego.returncode == 0 and fencing(locker, NAME) == 21, (lego.stdout, lego.stderr)
    told = example(locker, "lego-locked", "*.a.example.com,a.example.com,b.example.com", "run", env={"LEGO": "echo"})
    assert told.stdout == "--domains b.example.com --domains a.example.com --domains *.a.example.com run\n", told
    assert fencing(locker, "a.example.com") == fencing(locker, "b.example.com") == 1


EXAMPLES = ROOT / "examples" / "locks"
HOOK = """#!{python}
# dehydrated's hook, and certbot's by two words: a TXT record by a signed update.
import os, sys
import dns.query, dns.tsigkeyring, dns.update
if "CERTBOT_DOMAIN" in os.environ:
    what, name, value = sys.argv[1], os.environ["CERTBOT_DOMAIN"], os.environ["CERTBOT_VALIDATION"]
elif sys.argv[1] in ("deploy_challenge", "clean_challenge"):
    what, name, value = sys.argv[1], sys.argv[2], sys.argv[4]
else:
    sys.exit(0)
update = dns.update.Update("example.com", keyring=dns.tsigkeyring.from_text({{"chancery.": "{secret}"}}), keyalgorithm="{algorithm}")
(update.add if what == "deploy_challenge" else update.delete)("_acme-challenge." + name + ".", *([5] if what == "deploy_challenge" else []), "TXT", '"' + value + '"')
assert dns.query.tcp(update, "{address}", port={port}, timeout=5).rcode() == 0
"""


def example(locker, script, *words, env=None):
    env = dict(os.environ, CHANCERY=str(PROGRAM), CHANCERY_CONFIG=str(locker.office.config), **(env or {}))
    return subprocess.run([str(EXAMPLES / script), *map(str, words)], capture_output=True, text=True, timeout=120, env=env, stdin=subprocess.DEVNULL)


def hook(folder, bind):
    path = folder / "hook"
    path.write_text(HOOK.format(python=sys.executable, secret=bind.secret, algorithm=bind.algorithm, address=bind.address, port=bind.port))
    path.chmod(0o755)
    return path


def fencing(locker, name):
    return locker.row(name)["fencing"]


@pytest.mark.skipif(not find_program("certbot"), reason="certbot is not installed: run tests/run.sh, which installs it")
def test_example_of_certbot_when_renewed_then_under_the_locks_of_its_names(locker, world, tmp_path):
    bind, pebble = world
    there = hook(tmp_path, bind)
    env = {"REQUESTS_CA_BUNDLE": str(pebble.ca_file)}
    folders = [f"--{what}-dir={tmp_path}/certbot{more}" for what, more in (("work", "/work"), ("logs", "/logs"))]
    first = example(locker, "with-locks", "www.example.com,api.example.com", "certbot", "certonly", "--non-interactive", "--agree-tos", "--email",
                    "ops@example.com", "--server", pebble.url, "--config-dir", tmp_path / "certbot", *folders, "--manual",
                    "--preferred-challenges", "dns", "--manual-auth-hook", f"{there} deploy_challenge", "--manual-cleanup-hook",
                    f"{there} clean_challenge", "-d", "www.example.com", "-d", "api.example.com", env=env)
    assert first.returncode == 0, (first.stdout, first.stderr)
    assert (fencing(locker, "www.example.com"), fencing(locker, "api.example.com")) == (1, 1)
    before = pebble.n_issued()
    renewed = example(locker, "certbot-locked", "--force-renewal", "--no-random-sleep-on-renew", *folders,
                      env={**env, "CERTBOT_FOLDER": str(tmp_path / "certbot")})
    assert renewed.returncode == 0, (renewed.stdout, renewed.stderr)
    assert pebble.n_issued() == before + 1
    assert (fencing(locker, "www.example.com"), fencing(locker, "api.example.com")) == (2, 2)


@pytest.mark.skipif(not find_program("dehydrated"), reason="dehydrated is not installed: run tests/run.sh, which installs it")
def test_example_of_dehydrated_when_run_then_under_the_locks_of_its_names(locker, world, tmp_path):
    bind, pebble = world
    there = hook(tmp_path, bind)
    (tmp_path / "config").write_text(f"CA={pebble.url}\nBASEDIR={tmp_path}/dehydrated\nCHALLENGETYPE=dns-01\nHOOK={there}\nKEY_ALGO=prime256v1\nACCOUNT_KEYSIZE=2048\n"
                                     f"CURL_OPTS='--cacert {pebble.ca_file}'\n")
    (tmp_path / "dehydrated").mkdir()
    (tmp_path / "domains.txt").write_text("# ours\nwww.example.com > one\n\n")
    run = example(locker, "dehydrated-locked", tmp_path / "domains.txt", "--config", tmp_path / "config", "--accept-terms")
    assert run.returncode == 0, (run.stdout, run.stderr)
    assert [fencing(locker, f"{n}.example.com") for n in ("www",)] == [1]
    assert len(list((tmp_path / "dehydrated").glob("certs/*/fullchain.pem"))) == 1


def test_example_of_acmesh_when_read_by_a_shell_then_understood(locker, tmp_path):
    """Debian has no acme.sh: what can be tried without it is the syntax, and what the script makes of a list in the form it prints."""
    subprocess.run(["sh", "-n", str(EXAMPLES / "acmesh-locked")], check=True)
    subprocess.run(["bash", "-n", str(EXAMPLES / "acmesh-locked")], check=True)


# ---- our own orders; the ledger; another host ----


def test_order_of_ours_when_its_name_is_locked_then_it_waits_and_goes_on(office, world):
    bind, pebble = world
    office.write(pebble, bind)
    office.run("init", check=0)
    office.set("shop", [NAME, "*.www.example.com"])
    office.set("blog", ["blog.example.com"])
    locker = Locker(office)
    try:
        holder = locker.start(NAME, "--", "sleep", "120")
        locker.wait_held()
        renew = subprocess.Popen([str(PROGRAM), "--config", str(office.config), "renew"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until("the other set has its certificate", lambda: office.current("blog"), 30)
        assert office.current("shop") is None
        assert office.sql("SELECT count(*) FROM orders WHERE set_name = 'shop'")[0][0] == 0
        holder.terminate()
        out, err = renew.communicate(timeout=60)
        assert renew.returncode == 0 and office.current("shop"), (out, err)
    finally:
        locker.stop()


def test_lock_when_the_ledger_refuses_the_order_then_77_names_the_time(locker):
    locker.office.config.write_text(locker.office.config.read_text().replace("https://127.0.0.1:1/dir", "https://acme-v02.api.letsencrypt.org/directory"))
    for left in range(4, -1, -1):
        told = locker.run("--order", f"{NAME},*.{NAME}", NAME, "--", "sh", "-c", "echo $LOCK_HEADROOM", check=0).stdout
        assert told == f"{left}\n"
    refused = locker.run("--order", f"{NAME},*.{NAME}", NAME, "--", "true")
    assert refused.returncode == 77 and re.search(r"not before 20\d\d-", refused.stderr), refused.stderr
    assert json.loads(locker.run("--json", "--order", f"{NAME},*.{NAME}", NAME, "--", "true", check=77).stdout)["error"]["until"]
    assert locker.run("--order", NAME, NAME, "--", "sh", "-c", "exit 1").returncode == 1
    assert not locker.row()["held"]


def test_lock_when_on_another_host_then_the_same_over_http(office, daemons, tmp_path):  # noqa: F811
    tls = tmp_path / "tls"
    tls.mkdir()
    make_ca(tls)
    make_cert(tls, "server", usage="serverAuth")
    face = Face(office, daemons, tls=tls)
    token = tmp_path / "token"
    token.write_text(token_of("web") + "\n")
    token.chmod(0o600)
    nowhere = tmp_path / "no.yaml"

    def words(*more):
        return [str(PROGRAM), "--config", str(nowhere), "lock", "--server", f"https://127.0.0.1:{face.port}", "--token", str(token),
                "--cacert", str(tls / "ca.pem"), *map(str, more)]

    def run(*more):
        return subprocess.run(words(*more), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    first = run("a.example.com", "--", "sh", "-c", "echo $LOCK_NAME $LOCK_TOKEN; exit 5")
    assert (first.returncode, first.stdout) == (5, "a.example.com 1\n"), first
    held = subprocess.Popen(words("--ttl", "5s", "a.example.com", "--", "sleep", "60"), stderr=subprocess.PIPE, text=True)
    waiting = None
    try:
        wait_until("the lock is held", lambda: office.run("locks", "a.example.com", "--json", check=0).json()["held"])
        time.sleep(6)
        row = office.run("locks", "a.example.com", "--json", check=0).json()
        assert row["held"] and row["fencing"] == 2 and row["client"].startswith("web/"), row
        busy = run("--no-wait", "a.example.com", "--", "true")
        assert busy.returncode == 75 and "web/" in busy.stderr, busy
        waiting = subprocess.Popen(words("a.example.com", "--", "sh", "-c", "echo $LOCK_TOKEN"), stdout=subprocess.PIPE, text=True)
        wait_until("somebody waits", lambda: office.run("locks", "a.example.com", "--json", check=0).json()["waiting"] == 1)
        office.run("lock", "--break", "a.example.com", "--reason", "test", "--yes", check=0)
        assert waiting.communicate(timeout=20)[0] == "3\n"
        assert "is not locked by number 2" in held.communicate(timeout=20)[1] and held.returncode == 76
    finally:
        for process in (held, waiting):
            if process is not None and process.poll() is None:
                process.kill()
                process.communicate()
    assert run("other.org", "--", "true").returncode == 2
    untrusted = subprocess.run([w for w in words("a.example.com", "--", "true") if w not in ("--cacert", str(tls / "ca.pem"))], timeout=60,
                               capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert untrusted.returncode in (2, 78) and "certificate" in untrusted.stderr, untrusted
    face.daemon.stop()
    gone = run("--no-wait", "a.example.com", "--", "touch", tmp_path / "ran")
    assert gone.returncode == 78 and not (tmp_path / "ran").exists(), gone
