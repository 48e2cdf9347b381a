"""Quantities as people write them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import KINDS, quantity, sides


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3.1e9", "flops", 3_100_000_000),
        ("8GF", "flops", 8 * 10**9),
        ("6 GF", "flops", 6 * 10**9),
        ("8gf", "flops", 8 * 10**9),
        ("385.825092MFLOPs", "flops", 385_825_092),
        ("4.1GMACs", "flops", 4_100_000_000),
        ("500M", "flops", 500_000_000),
        ("385825092", "flops", 385_825_092),
        (385_825_092, "flops", 385_825_092),
        (1e9, "flops", 10**9),
        (Fraction(7, 2), "flops", 4),
        ("30M", "elements", 30_000_000),
        ("2.5e7", "elements", 25_000_000),
        (".5k", "elements", 500),
        ("0.8ms", "seconds", 0.0008),
        ("1ms", "seconds", 0.001),
        ("250us", "seconds", 0.00025),
        ("250µs", "seconds", 0.00025),
        ("250μs", "seconds", 0.00025),
        ("2min", "seconds", 120),
        ("9m", "seconds", 540),
        ("0.25", "seconds", 0.25),
        ("8GiB", "bytes", 8 * 2**30),
        ("8GB", "bytes", 8 * 10**9),
        ("512MiB", "bytes", 2**29),
        ("1024", "bytes", 1024),
        ("80gib", "bytes", 80 * 2**30),
    ],
)
def test_quantities(text: object, kind: str, value: float) -> None:
    found = quantity(text, kind, "it")
    assert found == value
    assert type(found) is (float if kind == "seconds" else int)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(
            (text, kind)
            for kind in KINDS
            for text in ("", "x", "-1", "0", "1e", "1.2.3", "1,5", "nan", "inf", "٣", "²")
        ),
        ("0.4", "flops"),
        ("1e99999999", "flops"),
        ("1e999", "seconds"),
        ("1e31", "bytes"),
        ("9" * 5000, "flops"),
        ("8G F", "flops"),
        ("8GB", "flops"),
        ("8GF", "elements"),
        ("3ms", "elements"),
        ("1MS", "seconds"),
        ("1GF", "seconds"),
        ("8GF", "bytes"),
        (math.nan, "flops"),
        (math.inf, "seconds"),
        (True, "flops"),
        (None, "bytes"),
        ([1], "flops"),
        (10**400, "flops"),
    ],
)
def test_what_is_no_quantity_is_refused_in_one_line(text: object, kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        quantity(text, kind, "a budget")
    message = str(refused.value)
    assert message.startswith(
        f"a budget must be a number of {KINDS[kind].name} above 0 such as {KINDS[kind].such}, not "
    )
    assert "\n" not in message
    assert len(message) < 200


def test_bytes_without_b_are_asked_about() -> None:
    with pytest.raises(InvalidInput, match="not '8G': is it powers of 1000 or of 1024"):
        quantity("8G", "bytes", "memory")


@given(st.integers(1, 10**12), st.sampled_from(["", "k", "M", "G", "T", "P"]))
def test_prefixes_are_exact(number: int, prefix: str) -> None:
    power = "kMGTP".index(prefix) + 1 if prefix else 0
    assert quantity(f"{number}{prefix}F", "flops", "it") == number * 1000**power
    assert quantity(f"{number}{prefix}B", "bytes", "it") == number * 1000**power
    if prefix:
        assert quantity(f"{number}{prefix}iB", "bytes", "it") == number * 1024**power


def test_every_example_is_read() -> None:
    for kind, told in KINDS.items():
        for example in told.such.replace(" or ", ", ").split(", "):
            assert quantity(example, kind, "it") > 0


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *(("224", 224), (224, 224), ("8x8", 8)),
        *((text, (384, 640)) for text in ("384x640", " 384X640 ", "384×640", (384, 640), [384, 640])),
    ],
)
def test_sides_of_an_input(value: object, found: object) -> None:
    assert sides(value) == found


@pytest.mark.parametrize(
    "value", ["", "x", "224x", "1x2x3", "-224", "2.5", 2.5, True, None, "٣", 0, "0x5", "9" * 50, [1, "a"]]
)
def test_what_is_no_side_is_refused(value: object) -> None:
    with pytest.raises(
        InvalidInput, match="a resolution must be a side such as 224, or height x width such as 384x640"
    ):
        sides(value)


def test_sides_are_limited() -> None:
    with pytest.raises(InvalidInput, match="--resolution must be a whole number from 1 to 1e\\+06, not 1000001"):
        sides("1000001", "--resolution")


def test_numbers_of_numpy_are_numbers() -> None:
    assert quantity(np.float32(2.0), "flops", "a target") == quantity(np.int64(2), "flops", "a target") == 2
