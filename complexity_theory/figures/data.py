"""The data behind a figure: a frame, with what it is about in ``frame.attrs``, and the CSV file beside the figure."""

from __future__ import annotations

import io

import pandas as pd

from complexity_theory.core.files import MADE
from complexity_theory.core.text import printable


def to_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV, six significant digits, after a comment line for each of its ``attrs`` (source, device, ...).

    >>> frame = pd.DataFrame({"s": [1, 2], "acts": [0.5, 2 / 3]})
    >>> frame.attrs["source"] = "an example"
    >>> print(to_csv(frame), end="")
    # Made by complexity-theory
    # source: an example
    s,acts
    1,0.5
    2,0.666667
    """
    about = "".join(f"# {key}: {printable(str(value))}\n" for key, value in frame.attrs.items())
    return f"# {MADE}\n{about}" + frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def from_csv(text: str) -> pd.DataFrame:
    """The frame, with its ``attrs``, that ``to_csv`` wrote.

    >>> from_csv(to_csv(pd.DataFrame({"s": [1, 2]})))["s"].tolist()
    [1, 2]
    """
    lines = text.splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("# ")]
    frame = pd.read_csv(io.StringIO("".join(lines[len(comments) :])), keep_default_na=False, na_values=[""])
    for comment in comments:
        key, colon, value = comment[2:].partition(": ")
        if colon:
            frame.attrs[key] = value.strip()
    return frame
