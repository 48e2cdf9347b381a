"""How far a training run is, in a file: written whole or not at all, read without unpickling code."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch

from complexity_theory.core.errors import InvalidInput


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors, numbers, text, lists and dicts of them; on disk when it returns. Raises InvalidInput."""
    out = io.BytesIO()
    torch.save(state, out)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(out.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidInput(f"cannot write the checkpoint {path}: {error.strerror}") from None


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What ``save`` wrote, its tensors on a device; None where there is no file. Raises InvalidInput for damage."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises what its readers do: of zip, of pickle, of the system
        first = (str(error) or repr(error)).splitlines()[0]
        raise InvalidInput(f"the checkpoint {path} is damaged ({first}): remove it to begin anew") from None
    return state
