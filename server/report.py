"""The report of `shiftscope reproduce`: one HTML file, charts included, that needs no network."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from sqlalchemy import Engine

from ..db import read
from ..db.claims import Claim, Outcome
from ..db.reproduction import Decided, as_expected, how_long, settings
from ..db.study import Length
from ..db.tables import Run
from .assets import plotly_script
from .report_charts import Chart, accuracy_chart, quantity_charts

TEMPLATE = Path(__file__).resolve().parent / "report.html"


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
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        title="What normalization does: claims and what was found",
        lead=escape(lead),
        overview=_overview(decided),
        sections="\n".join(
            _section(done, length, charts[done.task.entry.name]) for done in decided
        ),
        charts=_inside_script(json.dumps([vars(c) for of in charts.values() for c in of])),
        plotly=plotly_script().replace("</script", "<\\/script"),
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
        f'<tr><td><a href="#{escape(claim.number)}">{escape(claim.number)}</a></td>'
        f"<td>{escape(claim.statement)}</td><td>{escape(claim.expected)}</td>"
        f"<td>{_verdict(claim, outcome)}</td></tr>"
        for done in decided
        for claim, outcome in done.outcomes
    ]
    head = "".join(f"<th>{name}</th>" for name in ("claim", "statement", "expected", "verdict"))
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _section(done: Decided, length: Length, charts: Sequence[Chart]) -> str:
    """One experiment: its claims, how it was run, its charts."""
    entry = done.task.entry
    return "\n".join(
        [
            "<section>",
            f"<h2>{escape(entry.title)}</h2>",
            f'<p class="quiet">{escape(entry.source)}</p>',
            *(_claim(claim, outcome) for claim, outcome in done.outcomes),
            _terms(_facts(done, length)),
            _listed("What the source states and is kept", entry.stated),
            _listed("What the source leaves open", entry.left_open),
            '<div class="charts">',
            *(_figure(chart) for chart in charts),
            "</div>",
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
    return f'<article id="{escape(claim.number)}">{heading}{_terms(found)}</article>'


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


def _terms(found: dict[str, str]) -> str:
    """A list of names and what they are, which is HTML already."""
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{text}</dd>' for name, text in found.items())}</dl>"


def _listed(title: str, sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<details><summary>{title}</summary><ul>{items}</ul></details>" if items else ""


def _figure(chart: Chart) -> str:
    return (
        f"<figure><figcaption><h4>{escape(chart.title)}</h4><p>{escape(chart.shows)}</p>"
        f'</figcaption><div class="chart" id="{escape(chart.id)}"></div></figure>'
    )


def _machine() -> str:
    return f"{platform.system()} {platform.machine()} with {os.cpu_count()} cores"


def _inside_script(text: str) -> str:
    """JSON that can't end the script element it stands in."""
    return text.replace("<", "\\u003c")
