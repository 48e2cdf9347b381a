"""The page as one HTML file: the template with data, style and scripts in it, under a policy that allows no others."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPTS = ("numbers", "state", "text", "charts", "drawing", "main", "tables", "controls")
LIBRARY = HERE / "vendor" / "uPlot.iife.min.js"
STYLES = (HERE / "vendor" / "uPlot.min.css", HERE / "page.css")


def render(page: Mapping[str, Any], networks: Sequence[Mapping[str, Any]]) -> str:
    """The page. ``page``: what holds for all networks, which are compressed until they are chosen."""
    library, script = LIBRARY.read_text(encoding="utf-8"), _script()
    style = "\n".join(path.read_text(encoding="utf-8") for path in STYLES)
    parts = {
        "policy": policy(style, library, script),
        "style": style,
        "page": in_script(page),
        "networks": "\n".join(
            f'<script type="text/plain" id="network-{number}">{packed(network)}</script>'
            for number, network in enumerate(networks)
        ),
        "library": library,
        "script": script,
    }
    first, *pieces = (HERE / "page.html").read_text(encoding="utf-8").split("{{")
    filled = (f"{parts[name]}{rest}" for name, rest in (piece.split("}}", 1) for piece in pieces))
    return first + "".join(filled)


def _script() -> str:
    parts = ((HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return '"use strict";\n' + "\n".join(parts)


def policy(style: str, *scripts: str) -> str:
    """A content security policy: these scripts and this style alone, and nothing from elsewhere.

    >>> policy("", "x")[:30]
    "default-src 'none'; script-src"
    """
    return html.escape(
        f"default-src 'none'; script-src {' '.join(map(_hashed, scripts))}; style-src {_hashed(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'",
        quote=False,
    )


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def in_script(data: Any) -> str:
    r"""Data as JSON that nothing in a script element ends or opens.

    >>> print(in_script("</script><!--"))
    "\u003c/script>\u003c!--"
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def packed(data: Any) -> str:
    """Data as JSON, compressed, in base64."""
    raw = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode()
