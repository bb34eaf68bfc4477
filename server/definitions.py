"""What each statistic is, as docs/statistics.md says it: the one place where it is written."""

import re
from functools import cache
from pathlib import Path

from pydantic import BaseModel

PAGE = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


class Definition(BaseModel):
    """A statistic: its unit, empty where it has none, and its formula in plain text."""

    unit: str
    definition: str


@cache
def definitions() -> dict[str, dict[str, Definition]]:
    """Every statistic, by table and name; distances of the probe with their formula."""
    page = PAGE.read_text("utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    formulas = {name: cells[0] for name, cells in _rows(sections["Distances"])}
    found: dict[str, dict[str, Definition]] = {}
    for title, section in sections.items():
        if table := re.match(r"`(\w+)`", title):
            found[table[1]] = {
                name: _definition(unit, text, formulas)
                for name, (unit, text, *_) in _rows(section, cells=2)
            }
    return found


def _rows(section: str, cells: int = 1) -> list[tuple[str, list[str]]]:
    """The rows of a section's tables, once for each name in their first column."""
    found: list[tuple[str, list[str]]] = []
    for line in section.splitlines():
        first, *others = re.split(r"(?<!\\)\|", line.strip().strip("|"))
        if line.startswith("| `") and len(others) == cells:
            found += [(name, others) for name in re.findall(r"`(\w+)`", first)]
    return found


def _definition(unit: str, text: str, formulas: dict[str, str]) -> Definition:
    quoted = re.search(r"`(\w+)`, \[as below\]", text)
    if quoted:
        name = quoted[1]
        of_units = text.replace(", [as below](#distances),", "").strip()
        text = f"{of_units}; {name}: {formulas[name].strip()}"
    return Definition(unit=_plain(unit), definition=_plain(text))


def _plain(text: str) -> str:
    """Markdown as plain text; a link says where it leads."""
    text = _LINK.sub(r"\1 (docs/statistics.md\2)", text.replace(r"\|", "|"))
    return re.sub(r"[*`]", "", text).strip()
