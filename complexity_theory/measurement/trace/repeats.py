"""Runs of alike blocks among the steps of a traced network: the first copy stays, with how often it stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from complexity_theory.measurement.trace.convert import Converter
from complexity_theory.measurement.trace.depth import ChildRun as Blocks
from complexity_theory.measurement.trace.dims import size
from complexity_theory.measurement.trace.widths import Widths
from complexity_theory.networks.knobs import Knob
from complexity_theory.networks.traced import Run, Step


def tie(widths: Widths, runs: Sequence[Blocks]) -> None:
    """Makes the dimensions of alike blocks equal: they are widened together, or are no longer alike."""
    by_name = {value.name: i for i, value in enumerate(widths.ran.values) if value.name}
    for run in runs:
        for place in range(run.period):
            first, *others = run.names[place :: run.period]
            inside = [name for name in by_name if str(name).startswith(f"{first}.")]
            for other in others:
                for name in inside:
                    twin = by_name.get(other + str(name)[len(first) :])
                    if twin is not None:
                        for a, b in zip(widths.of[by_name[name]], widths.of[twin], strict=True):
                            if size(a) == size(b):
                                widths.dims.equal(a, b)


def folded(
    converter: Converter, runs: Sequence[Blocks]
) -> tuple[tuple[Step, ...], tuple[str, ...], list[Run], dict[str, Knob], list[str]]:
    """The steps with one copy of each run, the names of the outputs, the runs, their knobs, and why some are none."""
    steps, at = list(converter.steps), list(converter.at)
    outputs = converter.outputs
    found: list[Run] = []
    knobs: dict[str, Knob] = {}
    refused: list[str] = []
    for blocks in sorted(runs, key=lambda run: -run.calls[0].start):  # from the end: what is before stays in place
        symbol = f"d{sorted(run.calls[0].start for run in runs).index(blocks.calls[0].start) + 1}"
        made = _fold(converter, blocks, symbol, steps, at, outputs)
        if isinstance(made, str):
            refused.append(f"{blocks.container or 'the module'}: {made}")
            continue
        run, steps, at, outputs, removed, renamed = made
        found = [_after(other, removed, renamed) for other in found]
        found.insert(0, run)
        name = f"{blocks.container or 'module'}.depth"
        if any(knob.name == name for knob in knobs.values()):
            name = f"{name}.{symbol}"
        knobs = {symbol: Knob(name=name, dimension="depth", base=blocks.depth), **knobs}
    return tuple(steps), outputs, found, knobs, refused


def _after(run: Run, removed: int, renamed: Mapping[str, str]) -> Run:
    """A run after one that was folded: earlier by the steps that went, and taking what that one gives."""
    takes = tuple(renamed.get(name, name) for name in run.takes)
    return replace(run, start=run.start - removed, stop=run.stop - removed, takes=takes)


def _fold(
    converter: Converter, blocks: Blocks, symbol: str, steps: list[Step], at: list[int], outputs: tuple[str, ...]
) -> tuple[Run, list[Step], list[int], tuple[str, ...], int, Mapping[str, str]] | str:
    copies = [blocks.calls[i : i + blocks.period] for i in range(0, len(blocks.calls), blocks.period)]
    spans = []
    for copy in copies:
        inside = [i for i, node in enumerate(at) if copy[0].start <= node < copy[-1].stop]
        if not inside or inside != list(range(inside[0], inside[-1] + 1)):
            return "its steps are not in a row"
        spans.append((inside[0], inside[-1] + 1))
    start, stop = spans[0]
    if [begin for begin, _ in spans[1:]] != [end for _, end in spans[:-1]]:
        return "there is something between its copies"
    first, last = copies[0], copies[-1]
    made = last[-1].outputs
    takes = tuple(converter.names.get(i, "") for i in first[0].inputs[: len(made)])
    gives = [tuple(converter.names.get(i, "") for i in copy[-1].outputs) for copy in copies]
    if "" in takes or any("" in names for names in gives):
        return "it hands on what is no value"
    if problem := _differs(steps, spans, takes, gives):
        return problem
    if any(
        a.fields != b.fields for span in spans[1:] for a, b in zip(steps[start:stop], steps[slice(*span)], strict=True)
    ):
        converter.whole.append(f"the blocks of {blocks.container or 'the module'} differ, in dilation or dropout")
    outside = {name for step in steps[spans[-1][1] :] for name in step.inputs} | set(outputs)
    inner = {step.name for begin, end in spans for step in steps[begin:end]} - set(gives[-1])
    if outside & inner:
        return "what is inside of it is used elsewhere"
    names = tuple(tuple(call.name for call in copy) for copy in copies)
    run = Run(symbol, start, stop, blocks.entry, takes, gives[0], names)
    renamed = dict(zip(gives[-1], gives[0], strict=True))
    removed = spans[-1][1] - stop
    after = [
        replace(step, inputs=tuple(renamed.get(name, name) for name in step.inputs)) for step in steps[spans[-1][1] :]
    ]
    return (
        run,
        [*steps[:stop], *after],
        [*at[:stop], *at[spans[-1][1] :]],
        tuple(renamed.get(name, name) for name in outputs),
        removed,
        renamed,
    )


def _differs(
    steps: Sequence[Step], spans: Sequence[tuple[int, int]], takes: Sequence[str], gives: Sequence[Sequence[str]]
) -> str:
    """Where a copy is not what the first is, in its own names; nothing where all are alike."""
    start, stop = spans[0]
    for k, (begin, end) in enumerate(spans[1:], 1):
        if end - begin != stop - start:
            return "its copies have other operations"
        names = dict(zip(takes, gives[k - 1], strict=True))
        for a, b in zip(steps[start:stop], steps[begin:end], strict=True):
            expected = tuple(names.get(name, name) for name in a.inputs)
            settled = _sizes(a), _sizes(b)
            if (a.kind, a.owns, a.lead) != (b.kind, b.owns, b.lead) or expected != b.inputs or settled[0] != settled[1]:
                return f"{b.name} is not what {a.name} is"
            names[a.name] = b.name
    return ""


# What copies may differ in: it changes neither shapes nor costs of a block that keeps its shape.
_FREE = {"Dropout": ("p",), "Conv1d": ("dilation", "padding"), "Conv2d": ("dilation", "padding")}


def _sizes(step: Step) -> tuple[tuple[str, object], ...]:
    return tuple(item for item in step.fields if item[0] not in _FREE.get(step.kind, ()))
