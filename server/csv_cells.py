"""Text in CSV that no spreadsheet takes for a formula.

A program that opens a CSV file runs a cell that begins with one of `FORMULA`; a run's name would
then be a program. Such a text gets an apostrophe before it, as OWASP advises (CSV Injection), and
so does one that begins with apostrophes and then such a sign: what is read back is what was there.
Numbers stay as they are, also where they come as text.
"""

import re
from collections.abc import Sequence
from typing import Any

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""The wide ones are taken for the narrow ones in some languages."""
MARK = "'"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def cell(value: Any) -> Any:
    """A value as it is written: text without a formula, anything else as it is."""
    return MARK + value if isinstance(value, str) and _is_marked(value) else value


def cells(row: Sequence[Any]) -> list[Any]:
    """Every value of a row as it is written."""
    return [cell(value) for value in row]


def text_of(written: str) -> str:
    """The text that `cell` made this of; any other as it is."""
    is_ours = written.startswith(MARK) and _is_marked(written)
    return written[len(MARK) :] if is_ours else written


def _is_marked(text: str) -> bool:
    bare = text.lstrip(MARK)
    return bare.startswith(FORMULA) and _NUMBER.fullmatch(bare) is None
