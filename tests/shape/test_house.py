"""The shape of the house, drawn from the sources themselves: floors, doors, banned calls, sizes."""
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / d for d in ("lib", "acme", "dns-providers", "orchestrator", "cmd")]

# What each folder may include besides itself; the same picture as in docs/ARCHITECTURE.md.
LOWER = {"base", "crypto", "io", "store", "config", "acme", "dns-providers"}
SEES = {
    "base": set(), "crypto": {"base"}, "io": {"base"}, "store": {"base"}, "config": {"base"},
    "acme": {"base", "crypto"}, "dns-providers": {"base", "config", "crypto"},
    "inventory": LOWER, "authority": LOWER | {"inventory"},
    "dns": LOWER | {"inventory"}, "renewal": LOWER | {"inventory", "authority", "dns"}, "distribution": LOWER | {"inventory", "authority"},
    "monitoring": LOWER | {"inventory", "authority"},
    "leader": LOWER | {"inventory", "authority", "dns", "renewal", "distribution", "monitoring"},
    "cmd": LOWER | {"inventory", "authority", "dns", "renewal", "distribution", "monitoring", "leader"},
}
# One door a foreign library.
DOORS = {
    r"uv\.h": {"io"}, r"curl/.*": {"io"}, r"ares.*\.h": {"io"}, r"ldns/.*": {"io"}, r"unbound\.h": {"io"}, r"microhttpd\.h": {"io"}, r"gnutls/.*": {"io"}, r"openssl/.*": {"crypto", "io"},
    r"sqlite3\.h": {"store"}, r"libpq-fe\.h": {"store"}, r"yaml\.h": {"config"}, r"jansson\.h": {"base"}, r"expat\.h": {"base"}, r"libpsl\.h": {"acme"}, r"idn2\.h": {"acme"},
}
BANNED = ["sprintf", "strcpy", "strcat", "strtok", "atoi", "gmtime", "localtime", "system", "popen", "sleep", "usleep", "alloca", "gets"]


def sources():
    return [p for d in CODE for p in sorted(d.rglob("*.[ch]"))]


def floor_of(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] in ("lib", "orchestrator"):
        return parts[1]
    return parts[0]


def without_comments(text):
    return re.sub(r'"(\\.|[^"\\])*"', '""', re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S))


def test_floors_when_drawn_from_includes_then_no_arrow_leads_up_or_sideways():
    wrong = []
    for path in sources():
        floor = floor_of(path)
        for target in re.findall(r'^#include "([^"/]+)/', path.read_text(), re.M):
            if target != floor and target not in SEES[floor]:
                wrong.append(f"{path.relative_to(ROOT)} includes {target}/")
    assert not wrong, "\n".join(wrong)
    assert len(sources()) > 60, "the test looks at nothing"


def test_doors_when_a_foreign_header_is_included_then_only_behind_its_door():
    wrong = []
    for path in sources():
        for header in re.findall(r"^#include <([^>]+)>", path.read_text(), re.M):
            for pattern, floors in DOORS.items():
                if re.fullmatch(pattern, header) and floor_of(path) not in floors:
                    wrong.append(f"{path.relative_to(ROOT)} includes <{header}>")
    assert not wrong, "\n".join(wrong)


def test_io_when_it_uses_openssl_then_only_for_the_probe():
    users = {p.name for p in (ROOT / "lib/io").glob("*.[ch]") if "#include <openssl/" in p.read_text()}
    assert users and all(name.startswith("probe") for name in users), users


def test_banned_calls_when_searched_then_none():
    wrong = []
    for path in sources():
        text = without_comments(path.read_text())
        for word in BANNED:
            if re.search(rf"(?<![\w.>]){word}\s*\(", text):
                wrong.append(f"{path.relative_to(ROOT)} calls {word}")
        # lib/io hands back with free() what foreign libraries allocated.
        mine = "malloc|calloc|realloc|strdup" + ("" if floor_of(path) == "io" else "|free")
        if floor_of(path) != "base" and re.search(rf"(?<![\w.>])({mine})\s*\(", text):
            wrong.append(f"{path.relative_to(ROOT)} allocates by itself")
        if floor_of(path) != "cmd" and re.search(r"(?<![\w.>])(secure_)?getenv\s*\(", text):
            wrong.append(f"{path.relative_to(ROOT)} reads the environment")
    assert not wrong, "\n".join(wrong)


def test_pure_floors_when_searched_then_no_socket_file_clock_or_thread():
    wrong = []
    for path in sources():
        if floor_of(path) not in ("acme", "dns-providers"):
            continue
        text = without_comments(path.read_text())
        for call in ("socket", "open", "fopen", "time", "clock_gettime", "gettimeofday", "pthread_create", "write", "read"):
            if re.search(rf"(?<![\w.>]){call}\s*\(", text):
                wrong.append(f"{path.relative_to(ROOT)} calls {call}")
    assert not wrong, "\n".join(wrong)


def test_sizes_when_measured_then_files_below_600_and_functions_below_80_lines():
    long_files = [f"{len(p.read_text().splitlines())} lines {p.relative_to(ROOT)}" for p in sources()
                  if len(p.read_text().splitlines()) > 600]
    lengths, long_functions = [], []
    for path in sources():
        if path.suffix != ".c":
            continue
        start = None
        lines = path.read_text().splitlines()
        for i, line in enumerate(lines):
            if line == "{" and i > 0:
                start = i
            elif line == "}" and start is not None:
                lengths.append(i - start + 1)
                if i - start + 1 > 80:
                    long_functions.append(f"{i - start + 1} lines {path.relative_to(ROOT)}:{start}")
                start = None
    assert not long_files and not long_functions, "\n".join(long_files + long_functions)
    lengths.sort()
    assert len(lengths) > 500, "the test sees no functions"
    assert lengths[len(lengths) // 2] <= 20, f"median function {lengths[len(lengths) // 2]} lines"
    assert lengths[len(lengths) * 9 // 10] <= 45, f"p90 function {lengths[len(lengths) * 9 // 10]} lines"


def test_project_when_searched_then_no_leftovers():
    found = subprocess.run(["git", "grep", "-nIE", r"\b(TODO|FIXME|XXX)\b", "--", "*.c", "*.h", "*.py", "*.sh", "*.cmake", ":!tests/shape"],
                           cwd=ROOT, capture_output=True, text=True).stdout
    assert not found, found


def test_scripts_when_read_by_a_shell_then_they_parse():
    for script in ["tests/run.sh", "tests/needs.sh", "examples/quickstart/run.sh", ".ci/run"]:
        subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
