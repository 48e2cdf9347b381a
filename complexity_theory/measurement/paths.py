"""Where workers import from: never from the folder that a command happens to be run in, but for a module it names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.files import check_regular

ROOT = str(Path(__file__).resolve().parents[2])


def own_path() -> list[str]:
    """Python's path without the current folder, which Python puts first unasked (as ``python -m`` does).

    What PYTHONPATH names stays. The folder of this package is there in any case, last.
    """
    asked = {Path(entry).absolute() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry}
    here = _here()
    kept = [entry for entry in sys.path if entry and (Path(entry).absolute() != here or here in asked)]
    return [*kept, *([] if ROOT in kept else [ROOT])]


def _here() -> Path | None:
    """The current folder, None where it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def is_callable_path(text: str) -> bool:
    """Whether a text has the form ``package.module:callable`` or ``folder/file.py:callable``.

    >>> is_callable_path("torchvision.models:resnet18"), is_callable_path("nets/mine.py:Net"), is_callable_path("a:b:c")
    (True, True, False)
    """
    module, _, attribute = text.rpartition(":")
    names = module.removesuffix(".py") if module.endswith(".py") else module
    dotted = all(part.isidentifier() for part in names.split("."))
    return attribute.isidentifier() and bool(names) and (module.endswith(".py") or dotted) and "\0" not in text


def load_callable(text: str) -> Callable[..., Any]:
    """What ``package.module:callable`` or ``folder/file.py:callable`` names: it runs the code of that module or file.

    A module is looked for where Python looks, and then in the current folder; a file finds what lies beside it.
    Raises InvalidInput for what cannot be called, and whatever the code raises.
    """
    name, _, attribute = text.rpartition(":")
    if name.endswith(".py"):
        path = Path(name).absolute()
        check_regular(path)
        sys.path.append(str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
    else:
        sys.path.append(str(_here() or ""))
        module = importlib.import_module(name)
    found: Callable[..., Any] = getattr(module, attribute)
    if not callable(found):
        raise InvalidInput(f"{text} is a {type(found).__name__}, and cannot be called")
    return found
