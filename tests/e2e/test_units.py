"""examples/systemd and examples/cron: scored, understood, and the program works under what the unit allows."""
import errno
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import PROGRAM, ROOT, Office
from servers import find_program, wait_until

SYSTEMD, CRON = ROOT / "examples" / "systemd", ROOT / "examples" / "cron"
SERVICES = ["chancery.service", "chancery-renew.service"]
MOST_EXPOSURE = 1.5
GROUP = 60  # Group= of the unit: any but the user's own
ANALYZE = find_program("systemd-analyze")


def analyze(*words, **how):
    if ANALYZE is None:
        pytest.skip("NOT TESTED: the units, because systemd-analyze (package systemd) is not installed")
    return subprocess.run([ANALYZE, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, SYSTEMD_COLORS="0", LC_ALL="C.UTF-8"), **how)


def settings(unit, key):
    return re.findall(rf"(?m)^{key}=(.*)$", (SYSTEMD / unit).read_text())


@pytest.mark.parametrize("unit", SERVICES)
def test_unit_when_scored_then_hardly_exposed(unit):
    done = analyze("security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSURE * 10:g}", SYSTEMD / unit)
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if score is None and "offline" in done.stderr:
        pytest.skip(f"NOT TESTED: the units, because this systemd-analyze scores no files: {done.stderr.strip()}")
    assert score is not None, done
    print(f"\n{unit}: {score[1]}")
    assert done.returncode == 0 and float(score[1]) <= MOST_EXPOSURE, done.stdout


@pytest.mark.parametrize("unit", [*SERVICES, "chancery-renew.timer"])
def test_unit_when_read_by_systemd_then_every_line_is_understood(unit, tmp_path):
    for file in SYSTEMD.glob("chancery*.*"):
        if file.suffix in (".service", ".timer"):
            text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={PROGRAM}", file.read_text())
            (tmp_path / file.name).write_text(re.sub(r"(?m)^Documentation=.*\n", "", text))
    done = analyze("verify", "--man=no", tmp_path / unit, cwd=tmp_path)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "chancery" in line]
    assert not said, said


def test_timer_when_it_elapses_then_never_at_the_full_hour():
    (calendar,) = settings("chancery-renew.timer", "OnCalendar")
    done = analyze("calendar", "--iterations=30", calendar)
    times = re.findall(r"(?:elapse|#\d+): \S+ \S+ \d\d:(\d\d):(\d\d) UTC", done.stdout)
    assert len(times) == 30 and all(minute != "00" and second != "00" for minute, second in times), done.stdout
    (delay,) = settings("chancery-renew.timer", "RandomizedDelaySec")
    assert int(delay.removesuffix("min")) >= 30
    # The latest moment of one hour is before the next hour's first: not at the full hour either.
    assert 3 * 60 + 27 + int(delay.removesuffix("min")) * 60 < 3600


def cron_lines():
    return [line for line in (CRON / "chancery").read_text().splitlines() if re.match(r"[\d*]", line)]


def test_cron_when_read_then_a_minute_of_its_own_and_a_random_second():
    (line,) = cron_lines()
    minute, *_, command = line.split(None, 6)
    assert 1 <= int(minute) <= 59
    # cron makes "%" of "\%"; what it runs is a line for bash.
    sleep = re.search(r"^sleep (\$\(\(.*?\)\)); chancery renew ", command.replace("\\%", "%"))
    assert sleep, command
    seconds = {int(subprocess.run(["bash", "-c", f"echo {sleep[1]}"], capture_output=True, text=True).stdout) for _ in range(40)}
    assert len(seconds) > 5 and min(seconds) >= 1 and max(seconds) <= 59, seconds


def test_init_when_done_then_it_prints_a_line_for_cron_of_this_host(tmp_path):
    seen = set()
    for i in range(12):
        done = subprocess.run([PROGRAM, "init", f"house{i}", "--directory", "http://127.0.0.1:1/dir"], capture_output=True, text=True, cwd=tmp_path)
        line = re.search(r"(?m)^  (\d+) \* \* \* \*  root  sleep (\d+); chancery renew --quiet --config (\S+)$", done.stdout)
        assert line, done
        assert 1 <= int(line[1]) <= 59 and 1 <= int(line[2]) <= 59 and Path(line[3]) == tmp_path / f"house{i}" / "chancery.yaml"
        seen.add(line.groups()[:2])
    assert len(seen) > 6, seen


# ---- under what the unit allows ----


def allowed_calls(unit):
    """The system calls of the unit's SystemCallFilter lines, as systemd expands them."""
    sets, current = {}, None
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            current = sets.setdefault(line.split()[0], [])
        elif current is not None and line.startswith("    ") and not line.strip().startswith("#"):
            current.append(line.strip())

    def expand(name):
        return {call for one in sets[name] for call in expand(one)} if name.startswith("@") else {name}

    allowed = expand("@default")
    for value in settings(unit, "SystemCallFilter"):
        calls = {call for name in value.lstrip("~").split() for call in expand(name)}
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def unit_filter(unit):
    seccomp = pytest.importorskip("seccomp", reason="NOT TESTED: the program under the unit's system calls, because python3-seccomp is not installed")
    calls = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    special = {"socket", "mprotect", "mmap", "clone", "clone3", "personality"}
    for name in sorted(allowed_calls(unit) - special):
        try:
            calls.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError):
            pass  # of another machine
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):  # RestrictAddressFamilies
        calls.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
    calls.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, 4, 0))  # MemoryDenyWriteExecute
    for protection in (0, 2, 4):
        calls.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, 6, protection))
    namespaces = 0x7E020000  # RestrictNamespaces
    calls.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, namespaces, 0))
    calls.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    return calls


@pytest.fixture
def lent():
    """A folder that a user without any right owns."""
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: the program as another user, because only root can lend one")
    folder = Path(tempfile.mkdtemp(prefix="chancery-unit-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def give(folder, user):
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


@pytest.mark.parametrize("unit, words", [("chancery.service", ["serve"]), ("chancery-renew.service", ["renew"])])
def test_program_when_confined_as_the_unit_says_then_it_issues_and_delivers(lent, pebble, bind, unit, words):
    user, calls = pwd.getpwnam("nobody"), unit_filter(unit)
    office = Office(lent / "office")
    shutil.copy(pebble.ca_file, office.folder / "ca.pem")
    shutil.copy(PROGRAM, lent / "chancery")
    office.write(pebble, bind)
    office.config.write_text(office.config.read_text().replace(str(pebble.ca_file), str(office.folder / "ca.pem")))
    office.set("www", ["www.example.com"], f"deploy:\n  - files: {{dir: '{office.folder}/live', mode: '0640'}}\n    check: [/bin/true]\n    activate: [/bin/true]\n")
    office.run("init", check=0)
    give(office.folder, user)
    log = lent / "said.log"

    def confine():
        os.setgroups([])
        os.setgid(GROUP)
        os.setuid(user.pw_uid)
        os.umask(0o077)
        calls.load()

    # The filter bites: what the unit forbids is refused.
    forbidden = "import os, socket\nfor f in (lambda: os.chroot('/'), lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW), lambda: os.nice(1)):\n" \
                "    try:\n        f()\n        print('allowed')\n    except PermissionError:\n        print('refused')"
    said = subprocess.run(["/usr/bin/python3", "-c", forbidden], capture_output=True, text=True, preexec_fn=confine, cwd="/")
    assert said.stdout.split() == ["refused"] * 3, said

    with open(log, "wb") as out:
        process = subprocess.Popen([lent / "chancery", *words, "--config", office.config], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   cwd="/", preexec_fn=confine, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    try:
        wait_until("delivered", lambda: (office.folder / "live/current/fullchain.pem").exists(), 60)
        wait_until("nothing is left in DNS", lambda: bind.all_txt() == [])
        if words == ["serve"]:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    except AssertionError as e:
        raise AssertionError(f"{e}\n{log.read_text()}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "peration not permitted" not in log.read_text(), log.read_text()
    key = (office.folder / "live/current/key.pem").stat()
    # As the README there says: by Group= and mode, without any right.
    assert (key.st_uid, key.st_gid, key.st_mode & 0o777) == (user.pw_uid, GROUP, 0o640)
