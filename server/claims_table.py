"""docs/claims.md: what is claimed, when it counts as reproduced, and what runs found."""

import re
from collections.abc import Iterator, Sequence

from ..db.claims import Claim, Outcome
from ..db.reproduction import Decided, as_expected, every_claim, how_long
from ..db.study import Length

HEAD = """# Claims

What the experiments of the catalog are said to show, when that counts as reproduced, and what runs
found. `shiftscope reproduce --full --table docs/claims.md` writes this page from runs
([commands](commands.md)); nothing in it is typed by hand. A row says when it was measured, how and
with what; it is kept until its claim is measured again or what is claimed changes.

| claim | statement | criterion | expected | measured | verdict | run |
|---|---|---|---|---|---|---|
"""
NOT_RUN = ("–", "not run yet", "–")
MARKUP, PLAIN = re.compile(r"([\\|<*])"), r"\\\1"
"""What Markdown would take for the end of a cell, a tag or an emphasis, and how it does not."""


def claims_table(decided: Sequence[Decided], length: Length, before: str) -> str:
    """The page, in Markdown: a row for every claim of the catalog.

    Args:
        decided: What was run now.
        length: How long it was.
        before: The page as it was; of a claim that was not run now its row is kept.
    """
    found = {
        claim.number: (outcome.reason, _verdict(claim, outcome), _how(done, length))
        for done in decided
        for claim, outcome in done.outcomes
    }
    earlier = dict(_rows(before))
    rows: list[str] = []
    for claim in every_claim():
        claimed = _cells(claim.number, claim.statement, claim.criterion, claim.expected)
        kept = earlier.get(claim.number, "")
        if claim.number in found or not kept.startswith(claimed):
            kept = f"{claimed}{_cells(*found.get(claim.number, NOT_RUN))}|"
        rows.append(kept)
    return HEAD + "\n".join(rows) + "\n"


def _rows(page: str) -> Iterator[tuple[str, str]]:
    """The number of a row's claim, and the row."""
    for line in page.splitlines():
        if line.startswith("| "):
            yield line.split(" | ")[0].removeprefix("| "), line


def _cells(*texts: str) -> str:
    return "".join(f"| {MARKUP.sub(PLAIN, ' '.join(text.split()))} " for text in texts)


def _verdict(claim: Claim, outcome: Outcome) -> str:
    return outcome.result if as_expected(claim, outcome) else f"{outcome.result}: not as expected"


def _how(done: Decided, length: Length) -> str:
    """Of which entry, how long, when, and with what."""
    run = done.run
    made = ", ".join(f"{name} {number}" for name, number in (run.versions or {}).items())
    when = f"{run.ended_at:%Y-%m-%d}" if run.ended_at else "not ended"
    where = f"on {run.device}" if run.device else "not begun"
    how = how_long(done.task.entry, length)
    return f"`{done.task.entry.name}`, {length}: {how}; {when}, {where}; {made}"
