"""Findings in the terminal: a few lines for each rule."""

from collections.abc import Sequence

from ..db.findings import StoredFinding
from ..db.rules import title_of

NAMED = 3
"""Layers that a line names."""


def finding_lines(findings: Sequence[StoredFinding]) -> list[str]:
    """What was found: for each rule in which arms and where, the first of it, what to try."""
    rules: dict[str, dict[str | None, list[StoredFinding]]] = {}
    for finding in findings:
        rules.setdefault(finding.found.rule, {}).setdefault(finding.arm, []).append(finding)
    if not rules:
        return ["Findings: none."]
    lines = [f"Findings: {len(rules)}."]
    for rule, arms in rules.items():
        lines.append(f"- {title_of(rule)}")
        for arm, found in arms.items():
            parts = [arm, _layers(found), _seeds(found), _steps(found)]
            lines.append(
                f"  {', '.join(part for part in parts if part)}: {found[0].found.sentence}"
            )
        advice = next(iter(arms.values()))[0].found.advice
        lines.append(f"  To try: {advice}")
    return lines


def _steps(found: Sequence[StoredFinding]) -> str:
    first = min(one.found.first_step for one in found)
    last = max(one.found.last_step for one in found)
    return f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"


def _layers(found: Sequence[StoredFinding]) -> str:
    names = list(dict.fromkeys(one.layer for one in found if one.layer is not None))
    more = len(names) - NAMED
    return " ".join(names[:NAMED]) + (f" and {more} more layers" if more > 0 else "")


def _seeds(found: Sequence[StoredFinding]) -> str:
    seeds = sorted({one.seed for one in found if one.seed is not None})
    words = " ".join(map(str, seeds))
    return f"seed {words}" if len(seeds) == 1 else f"seeds {words}" if seeds else ""
