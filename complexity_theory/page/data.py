"""What the page is told: polynomials, tables of realised networks, derivations and names, as JSON holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from complexity_theory.choice.budgets import told
from complexity_theory.choice.choose import Choice
from complexity_theory.choice.costs import ProfiledDevice
from complexity_theory.choice.free import free
from complexity_theory.core import palette
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import METRICS
from complexity_theory.networks.knobs import DIMENSIONS
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.page import grid, mathml
from complexity_theory.scaling.closed_form import closed_form, own_terms
from complexity_theory.scaling.effective import effective_exponents
from complexity_theory.scaling.exponents import derive
from complexity_theory.scaling.kept import kept_form
from complexity_theory.scaling.steps import closed_form_step, layer_steps, network_steps
from complexity_theory.scaling.strategy import Strategy, parse

# Colours and lines: those of the figures, of strategies with and without group widths scaled; the rest is grey.
LOOKS = {**palette.STRATEGIES, **palette.GROUPED}


def page(devices: Sequence[ProfiledDevice], chosen: Sequence[Strategy], roundings: Sequence[str]) -> dict[str, Any]:
    """What holds for all networks of the page."""
    return {
        "dimensions": list(DIMENSIONS),
        "metrics": list(METRICS),
        "factors": list(grid.GRID_FACTORS),
        "alphas": [{"alpha": float(alpha), "strategy": f"fast:{alpha}"} for alpha in grid.ALPHAS],
        "strategies": [_strategy(strategy) for strategy in chosen],
        "letters": [_letter(letter) for letter in "dwgr"],
        "rules": list(roundings),
        "devices": [_device(device) for device in devices],
        "grey": palette.GREY,
        "colours": {**{name: mark.colour for name, mark in palette.METRICS.items()}, "kept": palette.PURPLE},
    }


def _strategy(strategy: Strategy) -> dict[str, Any]:
    look = LOOKS.get(strategy.name)
    try:
        steps = mathml.steps(layer_steps(derive(strategy)))
    except InvalidInput:  # flops of a dense convolution stay as they are
        steps = []
    return {
        "name": strategy.name,
        "shares": [str(share) for share in strategy.shares],
        "direction": [float(exponent) for exponent in strategy.direction],
        "colour": look and look.colour,
        "dash": [] if look is None or isinstance(look.line, str) else [3 * part for part in look.line[1]],
        "steps": steps,
    }


def _letter(letter: str) -> dict[str, Any]:
    """A letter of a strategy: the exponents that a weight of 1 gives, and what it counts in the sum of weights."""
    alone = parse(letter)
    share = next(share for share in alone.shares if share)
    return {
        "letter": letter,
        "direction": [float(exponent / share) for exponent in alone.direction],
        "counts": letter != "g",
        "alone": float(1 / share),
    }


def _device(device: ProfiledDevice) -> dict[str, Any]:
    profile = device.profile
    return {
        "name": device.name,
        "mode": profile.mode,
        "batch": device.batch,
        "source": profile.provenance.get("source", ""),
        "fitted": {metric: [profile.fitted[metric][0], profile.fitted[metric][2]] for metric in METRICS},
    }


def network(
    base: Network | Traced, devices: Sequence[ProfiledDevice], chosen: Sequence[Strategy], roundings: Sequence[str]
) -> dict[str, Any]:
    """What is told of one network."""
    distinct = grid.directions(base, chosen)
    estimates = [device.estimate(base).time for device in devices]
    return {
        "name": base.name,
        "note": base.note,
        "base": base.complexity().as_dict(),
        "knobs": [
            {"name": knob.name, "dimension": knob.dimension, "base": knob.base, "moves": knob.moves, "why": knob.why}
            for knob in base.knobs
        ],
        **_closed(base, distinct),
        **_tables(base, devices, distinct, roundings),
        "intervals": [[time.low / time.seconds, time.high / time.seconds] for time in estimates],
        "warnings": [list(time.warnings) for time in estimates],
    }


def _closed(base: Network | Traced, distinct: Mapping[str, Strategy]) -> dict[str, Any]:
    """The polynomials in the multipliers, and how they come about; or why there are none."""
    try:
        form = closed_form(base)
    except InvalidInput as error:
        return {"polynomials": None, "why": str(error), "steps": [], "substituted": {}}
    more = {}
    with suppress(InvalidInput):  # where of an operation it is not known what training keeps of it
        more["kept"] = kept_form(base)
    substituted = {}
    for name, strategy in distinct.items():
        try:
            steps = network_steps(effective_exponents(base, strategy), ())
        except InvalidInput:  # the flops stay as they are
            continue
        substituted[name] = mathml.steps([step for step in steps[1:] if step.equations])
    return {
        "polynomials": {
            name: [[float(term.coefficient), *term.powers] for term in own_terms(base, polynomial)]
            for name, polynomial in {**form.as_dict(), **more}.items()
        },
        "why": "",
        "steps": mathml.steps([closed_form_step(base, form, **more)]),
        "substituted": substituted,
    }


def _tables(
    base: Network | Traced,
    devices: Sequence[ProfiledDevice],
    distinct: Mapping[str, Strategy],
    roundings: Sequence[str],
) -> dict[str, Any]:
    """By rule and strategy the realised networks; a rule that makes the same as an earlier one is named as it."""
    made = {rounding: grid.realised(base, distinct, rounding) for rounding in roundings}
    first: dict[bytes, str] = {}
    alike = {rounding: first.setdefault(found.sizes.tobytes(), rounding) for rounding, found in made.items()}
    sizes = {}
    told_tables: dict[str, Any] = {}
    for rounding in dict.fromkeys(alike.values()):
        found = made[rounding]
        sizes[rounding], numbers = grid.distinct(base, found.sizes)
        told_tables[rounding] = {
            name: {**table, "sizes": {which: row[found.rows[name]].tolist() for which, row in numbers.items()}}
            for name, table in grid.tables(base, found, devices)
        }
    return {"rules": alike, "sizes": sizes, "tables": told_tables}


def choice(found: Choice, everything: bool) -> dict[str, Any]:
    """A choice: the bounds, the largest network along each strategy, and the fronts of all variants."""
    names = tuple(device.name for device in found.devices)
    fronts: list[dict[str, Any]] = []
    if everything:
        unbound = free(found)
        axes = [("params", None), *((cost, name) for name in names for cost in ("seconds", "memory"))]
        fronts = [
            {"cost": cost, "device": name, "points": [list(point) for point in front]}
            for cost, name in axes
            if (front := unbound.fronts.get(told(cost, name, len(names) == 1)))
        ]
    return {
        "bounds": [[cost, name, bound] for cost, name, bound in found.budgets.bounds(names)],
        "candidates": [candidate.as_dict() for candidate in found.candidates],
        "fronts": fronts,
    }
