"""How SQLite means to carry out each statement of lib/store: an idle run over a large fleet must not read what it does not need."""
import re
import sqlite3
import subprocess
from pathlib import Path

LIB = Path(__file__).resolve().parents[2] / "lib"

# These show or change everything there is, by their name and purpose.
READ_EVERYTHING = {
    "ACCOUNT_HOLDS", "ACCOUNT_LIST", "CERTIFICATE_STATUS", "DEPLOYMENT_FORCE_ALL", "ENDPOINT_ALL", "ENDPOINT_VERDICTS", "EVENT_ALL", "EVENT_LAST",
    "EVENT_TAIL", "LEDGER_ALL", "PLAN_ALL", "REQUEST_ALL_ENDPOINTS", "SET_ALL_NAMES", "SET_ROWS", "TXT_VIEWS",
}
TEXT = r'"((?:[^"\\]|\\.)*)"'


def expanded(macro, file):
    source = f'#define {macro}\n#include "{file}"\n'
    text = subprocess.run(["cc", "-E", "-P", f"-I{LIB}", "-x", "c", "-"], input=source, capture_output=True, text=True, check=True).stdout
    return text.split("@@")[1:]


def schema():
    db = sqlite3.connect(":memory:")
    db.create_function("least", -1, min, deterministic=True)
    db.create_function("greatest", -1, max, deterministic=True)
    for part in expanded("M(number, what, ...) @@ __VA_ARGS__", "store/migrations.def"):
        db.executescript("".join(re.findall(TEXT, part)))
    return db


def statements():
    for part in expanded("X(name, ...) @@ name: __VA_ARGS__", "store/sql/all.def"):
        yield part.split(":")[0].strip(), "".join(re.findall(TEXT, part))


def test_statements_when_planned_then_none_walks_over_a_whole_table_unawares():
    db, wrong, n = schema(), [], 0
    for name, sql in statements():
        n += 1
        values = [0] * max([0] + [int(i) for i in re.findall(r"\?(\d+)", sql)])
        for row in db.execute("EXPLAIN QUERY PLAN " + sql, values):
            # A partial index is as short as what it is for; a whole table, even in the order of its key, is as long as the fleet.
            if re.match(r"SCAN (?!CONSTANT|\(|newest$)", row[3]) and "USING" not in row[3] and name not in READ_EVERYTHING:
                wrong.append(f"{name}: {row[3]}")
    assert not wrong, "\n".join(wrong)
    assert n > 50, "the test sees no statements"


def test_stamps_when_planned_then_the_index_alone_is_read():
    db, found = schema(), dict(statements())
    plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + found["SET_STAMPS"])]
    assert plan == ["SCAN domain_set USING COVERING INDEX domain_set_stamp"], plan
