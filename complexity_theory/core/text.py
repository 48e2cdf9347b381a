"""Text from outside (names, paths, what workers and files say) made harmless for where it is shown. The one place."""

from __future__ import annotations

import html
import re
import sys

LONGEST = 1000  # characters of a message
_NUMBER = re.compile(r"[+-]?[0-9.,]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet runs, where a cell begins with it
_MARKDOWN = re.compile(r"[\\`*<>&|\[\]]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)


def printable(text: str) -> str:
    r"""Text on one line in which what would steer a terminal, or cannot be encoded, is written as an escape.

    >>> print(printable("a\x1b[31m red\ncell \ud800"))
    a\x1b[31m red cell \ud800
    """
    line = " ".join(text.splitlines())
    return line if line.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in line)


def visible(text: str) -> str:
    r"""Text of several lines, escaped as by ``printable`` but for its line breaks: where JSON stands in it, valid JSON.

    >>> print(visible('["\x9b", "\ud800"]'))
    ["\u009b", "\ud800"]
    """
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _escape(c: str) -> str:
    return c.encode("unicode_escape").decode("ascii")


def _json_escape(c: str) -> str:
    units = c.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def short(text: str, most: int = LONGEST) -> str:
    """``printable`` text of at most so many characters, the middle left out where it was longer.

    >>> short("x" * 100, 11)
    'xxx ... xxx'
    """
    line = printable(text[: 2 * most] + text[2 * most :][-most:])
    if len(text) <= most >= len(line):
        return line
    side = (most - 5) // 2
    return f"{line[:side]} ... {line[-side:]}"


def say(text: str) -> None:
    """Prints a line to standard error."""
    print(printable(text), file=sys.stderr)


def for_csv(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it.

    >>> for_csv("=1+1"), for_csv("-1.5"), for_csv("conv")
    ("'=1+1", '-1.5', 'conv')
    """
    risky = text.startswith(_FORMULA) and text != "-" and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text


def for_markdown(text: str) -> str:
    r"""Text that Markdown shows as it is: no HTML, no links, no cell ends.

    >>> print(for_markdown("<script> | [x](javascript:y)"))
    &lt;script&gt; \| \[x\](javascript:y)
    """
    return _MARKDOWN.sub(lambda c: _ENTITIES.get(c[0], f"\\{c[0]}"), printable(text))


def for_html(text: str) -> str:
    """Text that HTML shows as it is, also within quotes.

    >>> for_html('<a href="x">')
    '&lt;a href=&quot;x&quot;&gt;'
    """
    return html.escape(printable(text))


def for_html_lines(text: str) -> str:
    """``for_html`` of text of several lines, its line breaks kept."""
    return "\n".join(for_html(line) for line in text.splitlines())


def for_latex(text: str) -> str:
    r"""Text with LaTeX's special characters escaped.

    >>> print(for_latex("d1_w8 & 50%"))
    d1\_w8 \& 50\%
    """
    return printable(text).translate(_LATEX)
