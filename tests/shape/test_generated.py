"""What is written from tables is as the tables are: docs/ is not stale, man pages and completion parse."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def program():
    """The newest of the programs that are built: an older one knows older tables."""
    folders = [os.environ.get("CHANCERY_BUILD"), "build/debug", "build/crash", "build/release"]
    built = [ROOT / f / "chancery" for f in folders if f and (ROOT / f / "chancery").exists()]
    if not built:
        pytest.skip("LOUD: no program is built (build/debug or build/crash), so generated documents cannot be compared")
    return max(built, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated") / "out"
    subprocess.run([program(), "documents", folder], check=True, stdin=subprocess.DEVNULL)
    return folder


def test_documents_when_written_again_then_docs_is_not_stale(generated):
    pairs = [(p, ROOT / "docs" / p.relative_to(generated / "docs")) for p in sorted((generated / "docs").rglob("*.md"))]
    pairs += [(p, ROOT / "docs/schema" / p.name) for p in sorted((generated / "schema").glob("*.json"))]
    assert len(pairs) > 8, "the program wrote almost nothing"
    stale = [str(old.relative_to(ROOT)) for new, old in pairs if not old.exists() or old.read_bytes() != new.read_bytes()]
    assert not stale, f"stale, run docs/generate.sh: {', '.join(stale)}"


def test_documents_when_a_provider_is_gone_then_its_page_is_too(generated):
    fresh = {p.name for p in (generated / "docs/providers").glob("*.md")}
    kept = {p.name for p in (ROOT / "docs/providers").glob("*.md")}
    assert kept == fresh


def plain(text):
    """Overstrikes of a terminal page taken out."""
    out = []
    for c in text:
        if c == "\b":
            out.pop()
        else:
            out.append(c)
    return "".join(out)


def test_man_pages_when_linted_then_no_error(generated):
    pages = sorted((generated / "man1").glob("*.1"))
    assert len(pages) > 10
    if shutil.which("mandoc") is None:
        pytest.skip("LOUD: mandoc is not installed, so man pages are not linted")
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "error", *pages], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    text = subprocess.run(["mandoc", "-T", "utf8", generated / "man1/chancery-renew.1"], capture_output=True, text=True, check=True).stdout
    for word in ("--dry-run", "EXIT STATUS", "EXAMPLES", "chancery renew --force shop"):
        assert word in plain(text), word


def complete(generated, tmp_path, *words):
    """What bash would offer for the last word; chancery itself is a stand-in that knows two sets."""
    stand_in = tmp_path / "chancery"
    stand_in.write_text('#!/bin/sh\n[ "$1 $2" = "status --names" ] && printf "shop\\nshelf\\n"\n')
    stand_in.chmod(0o755)
    listed = " ".join(f"'{w}'" for w in words)
    script = (f"PATH={tmp_path}:$PATH; . {generated}/completion/chancery; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; "
              "_chancery; printf '%s\\n' \"${COMPREPLY[@]}\"")
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return set(result.stdout.split())


def test_completion_when_asked_then_commands_options_and_sets(generated, tmp_path):
    assert {"renew", "revoke"} <= complete(generated, tmp_path, "chancery", "re")
    assert "documents" not in complete(generated, tmp_path, "chancery", "")
    assert complete(generated, tmp_path, "chancery", "provider", "") >= {"list", "show", "lint", "new", "test"}
    assert complete(generated, tmp_path, "chancery", "renew", "--dr") == {"--dry-run"}
    assert complete(generated, tmp_path, "chancery", "renew", "sh") == {"shop", "shelf"}
    assert "--json" in complete(generated, tmp_path, "chancery", "provider", "list", "--")


def test_schemas_when_parsed_then_objects_with_every_key(generated):
    main = json.loads((generated / "schema/chancery.schema.json").read_text())
    one_set = json.loads((generated / "schema/set.schema.json").read_text())
    assert {"store", "seal", "authorities", "providers"} <= set(main["properties"])
    assert "names" in one_set["required"]
    assert main["additionalProperties"] is False
