"""The README's console blocks: run, compared, rewritten (``python -m tests.readme --write``).

A line of the form ``$ complexity-theory ...`` is run; what follows up to the next such line or the end of the block is
what it prints. ``...`` stands for any text, where a number depends on the machine. The commands of a block run one
after the other in a folder that holds a user's network, ``net.py``.
"""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from complexity_theory.core.report import Table, render
from tests.terminal import piped

README = Path(__file__).resolve().parents[1] / "README.md"
_RESULTS = re.compile(r"(<!-- the results -->\n)(?:\|.*\n)*")
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A command of the README and what it prints there."""

    command: str
    output: str


def blocks(text: str) -> list[list[Example]]:
    """The examples of each block, in order."""
    found = []
    for block in _BLOCK.findall(text):
        parts = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
        found.append([Example(command, output.strip("\n")) for command, _, output in parts])
    return found


def prepare(folder: Path) -> Path:
    """The folder with the network of a user in it."""
    shutil.copy(Path(__file__).with_name("detector.py"), folder / "net.py")
    return folder


def run(command: str, folder: Path) -> str:
    """What a command prints to standard output, run in ``folder`` by this Python; raises if it fails."""
    program, *arguments = shlex.split(command)
    if program == "complexity-theory":
        status, out, err = piped(arguments, folder)
    elif program == "python":
        done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
        status, out, err = done.returncode, done.stdout, done.stderr
    else:
        raise ValueError(f"the README's tour runs complexity-theory and python, not {program!r}")
    if status:
        raise RuntimeError(f"{command} ended with {status}: {err}")
    return "\n".join(line.rstrip() for line in out.strip("\n").splitlines())


def agrees(expected: str, printed: str) -> bool:
    """Whether what was printed is what the README says, ``...`` standing for anything."""
    return doctest.OutputChecker().check_output(expected + "\n", printed + "\n", doctest.ELLIPSIS)


def results() -> str:
    """The README's table of results by device, from the data of the figure ``ranking``."""
    frame = pd.read_csv(README.parent / "figures" / "data" / "ranking.csv", comment="#")
    rows = []
    for device, part in frame.groupby("table", sort=False):
        found = part.set_index("metric")
        told = found.loc["predictor"]
        rows.append(
            {"device": device, "networks": int(told["n"])}
            | {f"ranked by {metric}": f"{found['accuracy'][metric]:.0%}" for metric in found.index}
            | {
                "error, kin held out": f"{told['lofo_mape']:.1%}",
                "known nowhere": f"{told['new_kin_mape']:.1%}",
                "from four": f"{told['few_mape']:.1%}",
                "best rival": f"{told['rival_mape']:.1%} ({told['rival']})",
                "bias": f"{told['bias']:+.1%}",
                "coverage": f"{told['coverage']:.0%}",
            }
        )
    return render(Table(rows), "markdown")


def with_results(text: str) -> str:
    """The README with its table of results as the data say now."""
    return _RESULTS.sub(lambda found: f"{found[1]}{results()}\n", text)


def main() -> None:
    """Prints the examples that differ; with ``--write`` puts what is printed now into the README."""
    text = with_results(README.read_text())
    for block in blocks(text):
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder))
            for example in block:
                printed = run(example.command, Path(folder))
                if not agrees(example.output, printed):
                    print(f"$ {example.command}\n{printed}\n")
                    old = f"$ {example.command}\n" + (example.output + "\n" if example.output else "")
                    text = text.replace(old, f"$ {example.command}\n" + (printed + "\n" if printed else ""), 1)
    if "--write" in sys.argv[1:]:
        README.write_text(text)


if __name__ == "__main__":
    main()
