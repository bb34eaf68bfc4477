"""Text in CSV that no spreadsheet takes for a formula.

A program that opens a CSV file runs a cell that begins with one of `FORMULA`; a run's name would
then be a program. Where another sign than the comma separates cells, as in many countries, the
program also cuts what is one cell here, at a semicolon, a tab or a new line, and takes what comes
after it for a cell. So wherever a cell may begin, a text gets an apostrophe before such a sign, as
OWASP advises (CSV Injection), also where spaces, quotation marks or apostrophes come first: what is
read back is what was there. Numbers stay as they are, also where they come as text.
"""

import re
from collections.abc import Sequence
from typing import Any

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""The wide ones are taken for the narrow ones in some languages."""
MARK = "'"
_BEGINNING = r"(?:\A|(?<=[;\t\r\n]))"
_FORMULA = rf"(?=[ '\"]*[{re.escape(''.join(FORMULA))}])"
_BARE = re.compile(_BEGINNING + _FORMULA)
_MARKED = re.compile(_BEGINNING + MARK + _FORMULA)
_NUMBER = re.compile(r"'*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def cell(value: Any) -> Any:
    """A value as it is written: text without a formula, anything else as it is."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return _BARE.sub(MARK, value)


def cells(row: Sequence[Any]) -> list[Any]:
    """Every value of a row as it is written."""
    return [cell(value) for value in row]


def text_of(written: str) -> str:
    """The text that `cell` made this of; any other as it is."""
    return written if _NUMBER.fullmatch(written) else _MARKED.sub("", written)
