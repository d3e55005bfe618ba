"""`python -m tests.mutants`: plant each seeded bug and show which test notices it; fails if one stays unnoticed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.mutant import Mutant, StalePatch
from tests.mutants.runner import CannotTell, Finding, Workshop

Told = Finding | StalePatch | CannotTell


def main() -> int:
    """Return 0 if every bug is noticed, 1 if one is not, 2 if of one that can't be told."""
    asked = _arguments()
    started = time.monotonic()
    chosen = [
        m for m in CATALOGUE if all(word.lower() in f"{m.name} {m.breaks}".lower() for word in asked.words)
    ]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        pool = stack.enter_context(ThreadPoolExecutor(asked.jobs))
        made = (Workshop(Path(folder, str(number))) for number in range(asked.jobs))
        shops = [stack.enter_context(closing(shop)) for shop in made]
        try:
            shops[0].check(chosen, asked.tests)
        except CannotTell as trouble:
            print(trouble)
            return 2
        free: SimpleQueue[Workshop] = SimpleQueue()
        for shop in shops:
            free.put(shop)
        told = list(map(_show, pool.map(lambda mutant: _judge(mutant, free, asked.tests), chosen)))
    noticed = sum(isinstance(line, Finding) and bool(line.killed_by) for line in told)
    print(f"{noticed} of {len(told)} seeded bugs are noticed ({time.monotonic() - started:.0f} s)")
    return 2 if any(not isinstance(line, Finding) for line in told) else int(noticed < len(told))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only the bugs with all these words in their name or rules")
    parser.add_argument("--tests", nargs="+", default=[], help="run these tests in place of each bug's own")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    return parser.parse_args()


def _judge(mutant: Mutant, free: SimpleQueue[Workshop], tests: list[str]) -> Told:
    shop = free.get()
    try:
        return shop.judge(mutant, tests)
    except (StalePatch, CannotTell) as trouble:
        return trouble
    finally:
        free.put(shop)


def _show(told: Told) -> Told:
    if isinstance(told, Finding):
        by = told.killed_by or f"NOT NOTICED by {', '.join(told.mutant.tests)}"
        print(f"{told.seconds:5.1f} s  {told.mutant.breaks:12} {told.mutant.name}\n         {by}", flush=True)
    else:
        print(f"CAN'T TELL  {told}", flush=True)
    return told


if __name__ == "__main__":
    sys.exit(main())
