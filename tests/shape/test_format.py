"""clang-format decides: what it would write differently is an error (run `clang-format -i` on the file)."""
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_sources_when_clang_format_looks_at_them_then_it_changes_nothing():
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not files:  # an unpacked archive without git
        files = [str(p.relative_to(ROOT)) for top in ("acme", "cmd", "dns-providers", "lib", "orchestrator", "tests")
                 for p in (ROOT / top).rglob("*.[ch]")]
    assert len(files) > 300
    result = subprocess.run(["clang-format", "--dry-run", *files], cwd=ROOT, capture_output=True, text=True)
    bad = sorted({line.split(":")[0] for line in result.stderr.splitlines() if "[-Wclang-format-violations]" in line})
    assert result.returncode == 0 and not bad, "\n".join(bad)
