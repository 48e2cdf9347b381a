"""Files that people write, held to a schema: a ``msgspec.Struct``, whose fields say by a description what is right.

    class Row(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
        width: Annotated[int, msgspec.Meta(ge=1, description="an integer from 1")]

What does not fit raises InvalidInput in one line that names the field, the offending value and what would be right.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from complexity_theory.core import files
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_count, shown
from complexity_theory.core.text import short

T = TypeVar("T")

SHOWN = 60  # characters of an offending value

_ERROR = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.S)
_STEP = re.compile(r"\.(?P<field>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")


def read(path: Path) -> Any:
    """What a ``.toml`` or ``.json`` file holds, as plain data. Raises InvalidInput, with the path, where it is none.

    A regular file within the limit, each field given once.
    """
    text = files.read_text(path)
    check_count("bytes of a description", len(text), str(path))
    try:
        if path.suffix.lower() == ".toml":
            return tomllib.loads(text)
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else short(str(error), 2 * SHOWN)
        if "digits" in why:  # Python's own limit
            why = f"a number has more than {sys.get_int_max_str_digits():,} digits"
        raise InvalidInput(f"{path} is no valid {path.suffix[1:].upper()}: {why}") from None


def checked(data: Any, kind: type[T], what: str) -> T:
    """Plain data as the ``msgspec.Struct`` that it must be; ``what`` it describes is told where it is no such thing.

    >>> class Row(msgspec.Struct, forbid_unknown_fields=True):
    ...     width: int
    >>> checked({"width": "8"}, Row, "a row")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: width must be an integer, not '8'
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(_told(str(error), data, kind, what)) from None
    except RecursionError:
        raise InvalidInput(f"{what} is nested too deeply") from None


def struct_of(kind: type, types: Mapping[str, Any], optional: Collection[str] = (), **more: Any) -> Any:
    """A schema with the fields of a dataclass, in its order; ``types``: of a file, by the annotation of a field.

    What has a default, and what is ``optional``, may be left out, and is ``msgspec.UNSET`` then. ``more``: fields with
    types of their own, those that the dataclass lacks first, which may be left out, too.
    """
    made = []
    for field in dataclasses.fields(kind):
        of = more.pop(field.name, None) or types[str(field.type)]
        plain = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        made.append((field.name, of) if plain and field.name not in optional else (field.name, of, msgspec.UNSET))
    extra = [(name, of, msgspec.UNSET) for name, of in more.items()]
    return msgspec.defstruct(f"{kind.__name__}File", [*extra, *made], kw_only=True, forbid_unknown_fields=True)


def given(found: msgspec.Struct) -> dict[str, Any]:
    """The fields of a schema that a file gave."""
    return {name: value for name, value in msgspec.structs.asdict(found).items() if value is not msgspec.UNSET}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a JSON object, each given once."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{short(next(name for name in names if names.count(name) > 1), SHOWN)!r} is given twice")
    return fields


def _told(error: str, data: Any, kind: Any, what: str) -> str:
    """The error of msgspec in our words: where, the value, and what would be right."""
    match = _ERROR.fullmatch(error)
    assert match is not None
    where, value, wanted = _followed(match["path"] or "", data, inspect.type_info(kind))
    field = re.search(r"field `(?P<name>.*)`", match["what"], re.S)
    prefix = f"{where}: " if where else ""
    if field and match["what"].startswith("Object missing"):
        return f"{prefix}{field['name']} is missing"
    if field and isinstance(wanted, inspect.StructType):
        return f"{prefix}unknown field {shown(field['name'])}: one of {', '.join(f.encode_name for f in wanted.fields)}"
    outer, _, name = where.rpartition(": ")
    name = name or what
    right = _described(wanted) or short(match["what"], SHOWN)
    return f"{outer + ': ' if outer else ''}{name} must be {right}, not {shown(value)}"


def _followed(path: str, data: Any, info: Any) -> tuple[str, Any, Any]:
    """Where a path of msgspec leads: in words (``stage 1: width``), the value there, and the type that it must have."""
    words = ""
    for step in _STEP.finditer(path):
        info = _bare(info, data)
        if step["field"] is not None:
            fields = {field.encode_name: field.type for field in getattr(info, "fields", ())}
            info = fields.get(step["field"])
            data = data.get(step["field"]) if isinstance(data, dict) else None
            words = f"{words}: {step['field']}" if words else step["field"]
        elif step["index"] == "...":
            info, data = getattr(info, "value_type", None), None
        else:
            info = getattr(info, "item_type", None)
            index = int(step["index"])
            data = data[index] if isinstance(data, (list, tuple)) and index < len(data) else None
            words = f"{re.sub('ies$', 'y', words).removesuffix('s')} {index + 1}"
    bare = _bare(info, data)
    return words, data, bare if isinstance(bare, inspect.StructType) and isinstance(data, dict) else info


def _bare(info: Any, data: Any) -> Any:
    """A type without what is said of it; of several, the one that such data must have meant."""
    while isinstance(info, inspect.Metadata):
        info = info.type
    meant = inspect.StructType if isinstance(data, dict) else inspect.ListType
    if isinstance(info, inspect.UnionType) and isinstance(data, (dict, list)):
        return next((_bare(one, data) for one in info.types if isinstance(_bare(one, data), meant)), info)
    return info


def _described(info: Any) -> str:
    """What a type must be: its description, or for the plain ones their name."""
    if isinstance(info, inspect.Metadata):
        return str((info.extra_json_schema or {}).get("description", "")) or _described(info.type)
    named = (
        (inspect.IntType, "an integer"),
        (inspect.FloatType, "a number"),
        (inspect.StrType, "text"),
        (inspect.BoolType, "true or false"),
        ((inspect.StructType, inspect.DictType), "named fields"),
        (inspect.ListType, "a list"),
    )
    if isinstance(info, inspect.LiteralType):
        return f"one of {', '.join(map(str, info.values))}"
    if isinstance(info, inspect.UnionType):
        return " or ".join(found for one in info.types if (found := _described(one)))
    return next((name for kind, name in named if isinstance(info, kind)), "")
