"""How far realised networks are from what was wanted: by the rule alone (a factor) and with a flops target.

Over a family or the whole zoo, four strategies and five factors. Run as a script:

    python tests/benchmarks/deviations.py [--names NAME,NAME | --every N] [--rounding RULE] [--out TABLE.csv]

It prints, per strategy, the mean and the worst relative deviation of the flops, the worst cases and the time a target
takes, and exits 1 where targets are missed by more than 1% on average or 3% at worst.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.scaling.realise import RULES, scale

STRATEGIES = ("w", "dw", "dwr", "dWr")
FACTORS = (0.5, 2, 4, 8, 16)
MEAN, WORST = 0.01, 0.03


def rows(names: Iterable[str], rounding: str) -> Iterator[dict[str, object]]:
    """A row for each network, strategy and factor: deviations by the rule alone and with a target, seconds."""
    for name in names:
        network = zoo.network(name)
        flops = network.complexity().flops
        for strategy in STRATEGIES:
            for factor in FACTORS:
                row: dict[str, object] = {"network": name, "strategy": strategy, "factor": factor}
                try:
                    row["by factor"] = scale(network, strategy, factor=factor, rounding=rounding).deviation
                    start = time.perf_counter()
                    row["to target"] = scale(
                        network, strategy, target_flops=factor * flops, rounding=rounding
                    ).deviation
                    row["seconds"] = time.perf_counter() - start
                except InvalidInput as error:
                    print(f"{name} {strategy} x{factor}: {error}", file=sys.stderr)
                    continue
                yield row


def summary(found: list[dict[str, object]], column: str) -> str:
    """Mean and worst of a column of deviations, with the three worst cases."""
    worst = sorted(found, key=lambda row: -abs(float(str(row[column]))))
    cases = [f"{row['network']} {row['strategy']} x{row['factor']} {float(str(row[column])):+.1%}" for row in worst[:3]]
    mean = statistics.mean(abs(float(str(row[column]))) for row in found)
    return f"mean {mean:.2%}, worst {abs(float(str(worst[0][column]))):.2%} ({'; '.join(cases)})"


def main() -> None:
    """Prints the summary and writes the table."""
    parser = argparse.ArgumentParser(description="Deviations of the scaler over the zoo.")
    parser.add_argument("--names", help="networks, separated by commas [default: the whole zoo]")
    parser.add_argument("--every", type=int, default=1, help="every Nth network only")
    parser.add_argument("--rounding", choices=list(RULES), default="pycls")
    parser.add_argument("--out", type=Path, help="CSV file for the table")
    options = parser.parse_args()
    names = options.names.split(",") if options.names else zoo.names()[:: options.every]
    found = list(rows(names, options.rounding))
    print(f"{len(names)} networks, {len(found)} cases, rounded by {options.rounding}")
    for column in ("by factor", "to target"):
        print(f"{column}: {summary(found, column)}")
        for strategy in STRATEGIES:
            print(f"    {strategy}: {summary([row for row in found if row['strategy'] == strategy], column)}")
    seconds = sorted(float(str(row["seconds"])) for row in found)
    print(f"seconds to a target: median {statistics.median(seconds):.3f}, longest {seconds[-1]:.3f}")
    if options.out:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, found[0].keys())
            writer.writeheader()
            writer.writerows(found)
    deviations = [abs(float(str(row["to target"]))) for row in found]
    sys.exit(statistics.mean(deviations) > MEAN or max(deviations) > WORST)


if __name__ == "__main__":
    main()
