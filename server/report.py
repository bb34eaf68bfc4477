"""The report of `shiftscope reproduce`: one HTML file, charts included, that needs no network."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from sqlalchemy import Engine

from ..db import read
from ..db.claims import Claim, Outcome
from ..db.reproduction import Decided, as_expected, how_long, settings
from ..db.study import Length
from ..db.tables import Run
from .report_charts import Chart, accuracy_chart, quantity_charts
from .report_page import figures, listed, page, table, terms


def report(engine: Engine, decided: Sequence[Decided], length: Length) -> str:
    """The whole file. Whatever a person or a database named is escaped.

    Args:
        engine: The database, which holds the curves and measurements that are drawn.
        decided: What was run.
        length: How long it was.
    """
    charts = {done.task.entry.name: _charts(engine, done) for done in decided}
    outcomes = [outcome for done in decided for outcome in done.outcomes]
    fine = sum(as_expected(*outcome) for outcome in outcomes)
    lead = (
        f"{fine} of {len(outcomes)} claims decided as expected, {length} length. Written on "
        f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC on {_machine()}."
    )
    return page(
        "What normalization does: claims and what was found",
        lead,
        _overview(decided),
        [_section(done, length, charts[done.task.entry.name]) for done in decided],
        [chart for of in charts.values() for chart in of],
    )


def _charts(engine: Engine, done: Decided) -> list[Chart]:
    """The curves of what trained, the quantities of a study."""
    name, run = done.task.entry.name, done.run
    if run.study is not None:
        found = read.measurements(engine, run)
        return quantity_charts(name, done.task.entry.quantities, found)
    arms = [arm["name"] for arm in (run.experiment or {}).get("arms", ())]
    together = read.recorded(engine, run, "ensemble_records", "test_accuracy")
    return accuracy_chart(name, arms, read.curves(engine, run), together)


def _overview(decided: Sequence[Decided]) -> str:
    rows = [
        (
            f'<a href="#{escape(claim.number)}">{escape(claim.number)}</a>',
            *(escape(claim.statement), escape(claim.expected), _verdict(claim, outcome)),
        )
        for done in decided
        for claim, outcome in done.outcomes
    ]
    return table(("claim", "statement", "expected", "verdict"), rows)


def _section(done: Decided, length: Length, charts: Sequence[Chart]) -> str:
    """One experiment: its claims, how it was run, its charts."""
    entry = done.task.entry
    return "\n".join(
        [
            "<section>",
            f"<h2>{escape(entry.title)}</h2>",
            f'<p class="quiet">{escape(entry.source)}</p>',
            *(_claim(claim, outcome) for claim, outcome in done.outcomes),
            terms(_facts(done, length)),
            listed("What the source states and is kept", entry.stated),
            listed("What the source leaves open", entry.left_open),
            figures(charts),
            "</section>",
        ]
    )


def _claim(claim: Claim, outcome: Outcome) -> str:
    found = {
        "source": escape(claim.source),
        "criterion": escape(claim.criterion),
        "expected": escape(claim.expected),
        "measured": escape(outcome.reason),
        "verdict": _verdict(claim, outcome),
    }
    heading = f"<h3>{escape(claim.number)}: {escape(claim.statement)}</h3>"
    return f'<article id="{escape(claim.number)}">{heading}{terms(found)}</article>'


def _verdict(claim: Claim, outcome: Outcome) -> str:
    if as_expected(claim, outcome):
        return escape(outcome.result)
    return f'<span class="unexpected">{escape(outcome.result)}: not as expected</span>'


def _facts(done: Decided, length: Length) -> dict[str, str]:
    entry, run = done.task.entry, done.run
    asked = " ".join(f"--set {setting}" for setting in settings(entry, length))
    versions = ", ".join(f"{name} {number}" for name, number in (run.versions or {}).items())
    facts = {
        "run": f"{run.id}, {_when(run)}{'; made before and reused' if done.reused else ''}",
        "length": f"{length}: {how_long(entry, length)}",
        "again by": f"shiftscope run {entry.name} {asked}",
        "device": run.device or "–",
        "versions": versions or "–",
    }
    return {name: escape(fact) for name, fact in facts.items()}


def _when(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return run.status
    seconds = (run.ended_at - run.started_at).total_seconds()
    took = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"{run.status} on {run.ended_at:%d %B %Y} after {took}"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()} with {os.cpu_count()} cores"
