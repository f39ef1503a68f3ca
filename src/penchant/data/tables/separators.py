"""Separators of delimited text: which one a file has, and whether its fields may be quoted."""

from __future__ import annotations

import re

from penchant.errors import ColumnError
from penchant.text import Setting

__all__ = ["LINE_END", "guess_separator", "has_quotes"]

LINE_END = re.compile(r"\r\n|\n|\r")  # as Arrow sees it; str.splitlines knows more
_SEPARATORS = ("::", "\t", "|", ";", ",")


def guess_separator(text: str, label: str) -> str:
    """The separator that all of the first lines have equally often, else one that all have.

    Args:
        text: the start of a file.
        label: what the file is called; the name may speak for commas.

    Raises:
        ColumnError: no separator is in all of them.
    """
    # A title may hold a comma, but hardly a tab, so commas come last; unless the name of the file speaks for them.
    order = _SEPARATORS[::-1] if ".csv" in label.lower() else _SEPARATORS
    start = text[:20_000]
    for part in (re.sub('"[^"]*"', "", start), start):  # what is in quotes does not separate
        lines = [line for line in LINE_END.split(part) if line.strip()][:20]
        lines = lines[:-1] if len(lines) > 2 else lines  # the last one may be cut
        for sep in order:
            counts = {line.count(sep) for line in lines}
            if len(counts) == 1 and counts != {0}:
                return sep
        for sep in order:
            if lines and all(sep in line for line in lines):
                return sep
    raise ColumnError(
        f"no separator found in the first lines of {label}: {LINE_END.split(start)[0][:80]!r}; name it with ",
        Setting("sep", text=""),
    )


def has_quotes(text: str, sep: str) -> bool:
    """Whether fields may be quoted. In MovieLens' files a quote is part of a title, and fields are never quoted.

    Args:
        text: the start of a file.
        sep: its separator.
    """
    if sep in (",", ";"):
        return True
    edge = re.escape(sep)
    return len(sep) == 1 and re.search(f'(^|{edge})"[^"\n]*"({edge}|\r?$)', text, re.MULTILINE) is not None
