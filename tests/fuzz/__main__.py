"""``python -m tests.fuzz --n 10000``, ``--calls 8000``: the long runs. Exit 1 where anything ends wrongly."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from unittest import mock

from tests.fuzz.calls import calls
from tests.fuzz.command_lines import cases
from tests.fuzz.running import Fault, fuzzed

SHOWN = 3  # examples of each kind of fault


def main() -> int:
    """Runs what is asked for, and tells the faults by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=0, help="command lines")
    parser.add_argument("--calls", type=int, default=0, help="calls of public names")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start, faults = time.monotonic(), list(fuzzed(list(cases(given.n, given.seed))))
    for kind, count in Counter(wrong for fault in faults for wrong in fault.wrong).most_common():
        print(f"{count} x {kind}")
        for fault in [fault for fault in faults if kind in fault.wrong][:SHOWN]:
            print(f"    {_shown(fault)}")
    # The verification of the tables takes a minute, whatever it is given.
    quick = mock.patch("complexity_theory.measurement.verify.verify_tables", return_value=iter(()))
    with tempfile.TemporaryDirectory() as folder, quick:
        os.chdir(folder)
        wrong = calls(given.calls, given.seed)
        os.chdir("/")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    seconds = time.monotonic() - start
    print(f"{given.n} command lines and {given.calls} calls in {seconds:.0f} s: {len(faults) + len(wrong)} end wrongly")
    return bool(faults or wrong)


def _shown(fault: Fault) -> str:
    plain = (word if word.isprintable() and len(word) < 60 else ascii(word[:60]) for word in fault.case.arguments)
    files = ", ".join(f"{name}: {content[:80]!r}" for name, content in fault.case.files.items())
    return f"{' '.join(plain)!a} [{files!a}] -> {fault.ending.status}, {fault.ending.errors.strip()[-300:]!a}"


if __name__ == "__main__":
    sys.exit(main())
