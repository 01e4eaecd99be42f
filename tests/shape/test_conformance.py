"""docs/CONFORMANCE.md keeps its word: every test and every file it names is there, and no MUST goes without a test."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/CONFORMANCE.md"
LEVELS = {"MUST", "SHOULD", "MAY"}


def tables():
    """Heading -> rows, each a list of cells; the two lines of a table's head are left out."""
    found, heading = {}, None
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("## "):
            heading = found.setdefault(line[3:], [])
        elif line.startswith("|") and heading is not None:
            heading.append([cell.strip() for cell in line.strip("|").split("|")])
    return {title: rows[2:] for title, rows in found.items()}


@pytest.fixture(scope="module")
def requirements():
    return [row for title, rows in tables().items() if title.startswith("RFC") for row in rows]


@pytest.fixture(scope="module")
def known():
    """Names of test functions, and titles of stories."""
    names = set()
    for path in [*ROOT.glob("tests/unit/*.c"), *ROOT.glob("tests/e2e/*.py"), *ROOT.glob("tests/crash/*.py")]:
        names |= set(re.findall(r"^(?:static void|def) (test_\w+)\(", path.read_text(), re.M))
    titles = set()
    for path in ROOT.glob("tests/stories/*.story"):
        titles |= {title.strip() for title in re.findall(r"^story\s+(.+)$", path.read_text(), re.M)}
    assert len(names) > 500 and len(titles) > 100
    return names, titles


def proofs_of(row):
    return [test.strip() for test in row[4].split(";") if test.strip()]


def test_rows_when_read_then_whole(requirements):
    assert len(requirements) > 80
    for row in requirements:
        assert len(row) == 5 and row[1] in LEVELS and row[2].endswith("."), row
    said = [(row[0], row[2]) for row in requirements]
    assert len(said) == len(set(said)), "a requirement stands there twice"


def test_requirements_when_looked_up_then_each_test_exists(requirements, known):
    names, titles = known
    missing = []
    for row in requirements:
        for test in proofs_of(row):
            if test.startswith("story: "):
                if test[len("story: "):] not in titles:
                    missing.append(f"{row[0]}: {test}")
            elif test.strip("`") not in names:
                missing.append(f"{row[0]}: {test}")
    assert not missing, "named, but not there:\n" + "\n".join(missing)


def test_requirements_when_must_then_at_least_one_test(requirements):
    bare = [f"{row[0]}: {row[2]}" for row in requirements if not proofs_of(row)]
    assert not bare, "\n".join(bare)


def test_requirements_when_looked_up_then_each_file_exists(requirements):
    missing = [f"{row[0]}: {path}" for row in requirements for path in re.findall(r"`([^`]+)`", row[3]) if not (ROOT / path).is_file()]
    assert not missing, "\n".join(missing)
    assert all(re.findall(r"`([^`]+)`", row[3]) for row in requirements)


def test_what_does_not_apply_when_listed_then_with_its_reason():
    rows = tables()["What does not apply"]
    assert len(rows) > 5 and all(len(row) == 3 and len(row[2]) > 15 for row in rows), rows
