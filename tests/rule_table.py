"""The table of docs/findings.md, from the rules."""

from shiftscope.db.rules import RULE_NAMES, title_of
from shiftscope.trainer.rules import Rule, rules

OBSERVATIONS = {
    "layer_records": "windows",
    "network_records": "windows",
    "evaluations": "evaluations",
    "probe_records": "looks",
    "unit_records": "looks",
}


def rows() -> list[str]:
    """One row for each rule, in the order in which findings are told."""
    return [_row(name, rules()[name]) for name in RULE_NAMES]


def _row(name: str, rule: Rule) -> str:
    threshold = "any"
    if rule.measure is not None:
        sign = "≤" if rule.below else "≥"
        threshold = f"{sign} {rule.threshold:g}, {rule.patience} {OBSERVATIONS[rule.table]}"
    return (
        f"| `{name}` | {title_of(name)} | {rule.measures} | `{rule.statistic}` | {threshold} | "
        f"{rule.severity} | {rule.basis} |"
    )
