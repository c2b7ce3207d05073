#!/usr/bin/env python3
"""The C++ fold and the executable model, on the same random logs: the same rows, entire.

Usage: compare.py FOLD_LOG MODEL_FOLDER [LOGS [FIRST]]. A tick of the model is 100 ms. Compared are
values, state, version, revision, marks, and the lineage of 1 s candles with the model's `span`.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

INTERVALS = ((1, 2, 6), (1, 2, 6), (1, 5, 60))
MARKS = {(False, False): "1", (True, False): "2", (False, True): "3"}
STATES = {"FINAL": "2", "REVISED": "3"}


def as_text(log, intervals):
    """A log of the model in the words of fold_log."""
    lines = ["I " + " ".join(map(str, intervals))]
    for record in log:
        lines.append(f"R {record.ts} {record.node} {record.session} {record.seq}")
        lines += [
            f"T {t.inst[0].lower()} {t.inst[1:]} {t.tid or 0} {t.time} {t.recv} {t.price} {t.qty}"
            for t in record.trades
        ]
        lines += [f"B {b.venue.lower()} {'-' if b.time is None else b.time}" for b in record.beats]
    return "\n".join(lines + ["E"]) + "\n"


def edge(point):
    """Time, number and price of a trade; ids that the venue did not give are 0."""
    time, tid, price = point
    return f"{time} {tid if isinstance(tid, int) else 0} {price}"


def row_text(key, c):
    """A row of the model as fold_log prints it."""
    inst, seconds, start = key
    returns = "-" if c.returns is None else ",".join(map(str, c.returns))
    span = "-" if c.span is None else f"{c.span[0]},{c.span[1]}"
    return (
        f"{inst[0].lower()}:{inst[1:]} {seconds} {start} {c.n} {c.volume} {c.quote} "
        f"{edge(c.first)} {edge(c.last)} "
        f"{c.high} {c.low} {returns} {MARKS[c.suspect, c.healed]} {STATES[c.state]} "
        f"{c.revision} {c.version} {span}"
    )


def without_lineage_of_longer(line):
    """The model's longer candles have no span."""
    words = line.split(" ")
    return line if words[1] == "1" else " ".join(words[:-1])


def read_rows(process):
    rows = []
    for line in iter(process.stdout.readline, ""):
        if line == ".\n":
            return rows
        rows.append(line.rstrip("\n"))
    raise RuntimeError(f"fold_log ended with {process.wait()}")


def main():
    program, model = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    logs = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    if not (model / "fold.py").exists():
        print("absent: ../shared/model")
        return 1 if os.environ.get("CI") else 0
    sys.path.insert(0, str(model))
    sys.dont_write_bytecode = True
    from fold import Design
    from market import random_log
    from world import Straight

    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    compared = 0
    for seed in range(first, first + logs):
        rng = random.Random(seed)
        log = random_log(rng, rng.choice([25, 50, 90]), restamp=seed % 3 == 0)
        intervals = rng.choice(INTERVALS)
        want = sorted(
            without_lineage_of_longer(row_text(k, c))
            for k, c in Straight(log, intervals, Design()).rows.items()
        )
        process.stdin.write(as_text(log, intervals))
        process.stdin.flush()
        got = sorted(map(without_lineage_of_longer, read_rows(process)))
        if got != want:
            print(
                f"seed {seed} differs\n  model: {sorted(set(want) - set(got))[:3]}\n"
                f"  fold:  {sorted(set(got) - set(want))[:3]}"
            )
            return 1
        compared += len(want)
    process.stdin.close()
    print(f"{logs} logs, {compared} rows: the fold and the model agree")
    return 0 if compared else 1


if __name__ == "__main__":
    sys.exit(main())
