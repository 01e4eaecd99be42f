"""Runs the parts and prints their tables; see tests/bench/README.md. Never fails because something is slow, only when it cannot be measured."""
import argparse
import json
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import part_idle  # noqa: E402
import part_lock  # noqa: E402
import part_memory  # noqa: E402
import part_pebble  # noqa: E402
import part_requests  # noqa: E402
import part_serve  # noqa: E402
import part_yardstick  # noqa: E402
from bench_world import BUILD, PROGRAM, Scratch  # noqa: E402

PARTS = {"requests": part_requests, "yardstick": part_yardstick, "memory": part_memory, "idle": part_idle, "pebble": part_pebble,
         "lock": part_lock, "serve": part_serve}


def parts_of(words):
    names = list(PARTS)
    chosen = []
    for word in words or names:
        name = names[int(word) - 1] if word.isdigit() and 1 <= int(word) <= len(names) else word
        if name not in PARTS:
            sys.exit(f"unknown part \"{word}\"; parts are: " + ", ".join(f"{i + 1} {n}" for i, n in enumerate(names)))
        chosen.append(name)
    return chosen


def machine():
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {"cores": len(os.sched_getaffinity(0)), "memory_gib": round(int(memory.split()[1]) / 1024 / 1024, 1),
            "system": f"{platform.system()} {platform.release()}", "load_before": round(os.getloadavg()[0], 2)}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is measured (default 3); medians are shown")
    parser.add_argument("part", nargs="*", help="number or name: " + ", ".join(f"{i + 1} {n}" for i, n in enumerate(PARTS)))
    options = parser.parse_args()
    chosen = parts_of(options.part)
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is not built")
    scratch = Scratch(Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD)))
    here, tables, unmeasured = machine(), [], 0
    if not options.json:
        print(", ".join(f"{key} {value}" for key, value in here.items()))
    try:
        for name in chosen:
            try:
                table = PARTS[name].run(scratch, options.runs)
                tables.append(table)
                if not options.json:
                    print("\n" + table.as_text(), flush=True)
            except Exception:  # the other parts can still be measured
                unmeasured += 1
                traceback.print_exc()
    finally:
        scratch.remove()
    if options.json:
        print(json.dumps({"machine": here, "parts": [t.as_json() for t in tables]}, indent=1))
    return 1 if unmeasured else 0


if __name__ == "__main__":
    sys.exit(main())
