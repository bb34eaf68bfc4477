"""Findings in the terminal: a few lines for each rule and arm."""

from collections.abc import Sequence

from ..db.findings import StoredFinding
from ..db.rules import title_of

NAMED = 3
"""Layers that a line names."""


def finding_lines(findings: Sequence[StoredFinding]) -> list[str]:
    """What was found: how much, and then for each rule and arm where, what and what to try."""
    groups: dict[tuple[str, str | None], list[StoredFinding]] = {}
    for finding in findings:
        groups.setdefault((finding.found.rule, finding.arm), []).append(finding)
    if not groups:
        return ["Findings: none."]
    lines = [f"Findings: {len(groups)}."]
    for (rule, arm), found in groups.items():
        first = min(one.found.first_step for one in found)
        last = max(one.found.last_step for one in found)
        steps = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
        parts = [arm, _layers(found), _seeds(found), steps]
        lines.append(f"- {title_of(rule)}: {', '.join(part for part in parts if part)}.")
        lines.append(f"  {found[0].found.sentence}")
        lines.append(f"  To try: {found[0].found.advice}")
    return lines


def _layers(found: Sequence[StoredFinding]) -> str:
    names = list(dict.fromkeys(one.layer for one in found if one.layer is not None))
    more = len(names) - NAMED
    return " ".join(names[:NAMED]) + (f" and {more} more layers" if more > 0 else "")


def _seeds(found: Sequence[StoredFinding]) -> str:
    seeds = sorted({one.seed for one in found if one.seed is not None})
    words = " ".join(map(str, seeds))
    return f"seed {words}" if len(seeds) == 1 else f"seeds {words}" if seeds else ""
