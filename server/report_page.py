"""A report's file: one page of HTML with its charts and Plotly in it, which needs no network."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from .assets import plotly_script
from .report_charts import Chart

TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
"""Signs that turn the order of text around are seen instead, as on the page (readable.js)."""
TEMPLATE = Path(__file__).resolve().parent / "report.html"


def page(
    title: str, lead: str, overview: str, sections: Sequence[str], charts: Iterable[Chart]
) -> str:
    """The whole file.

    Args:
        title: Of the page; `lead` the sentences below it: text, which is escaped here.
        overview: HTML of the first part.
        sections: HTML of the others.
        charts: What is drawn into the figures that they have.
    """
    drawn = json.dumps([vars(chart) for chart in charts], allow_nan=False, ensure_ascii=False)
    parts = {
        "title": escape(title),
        "lead": escape(lead),
        "overview": overview,
        "sections": "\n".join(sections),
        "charts": _inside_script(drawn),
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        {name: text.translate(TURNING) for name, text in parts.items()},
        plotly=plotly_script().replace("</script", "<\\/script"),
    )


def terms(found: Mapping[str, str]) -> str:
    """A list of names and what they are, which is HTML already."""
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{text}</dd>' for name, text in found.items())}</dl>"


def listed(title: str, sentences: Iterable[str]) -> str:
    """Sentences below a title that unfolds them."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<details><summary>{title}</summary><ul>{items}</ul></details>" if items else ""


def figure(chart: Chart) -> str:
    """A chart's place, with what it shows."""
    return (
        f"<figure><figcaption><h4>{escape(chart.title)}</h4><p>{escape(chart.shows)}</p>"
        f'</figcaption><div class="chart" id="{escape(chart.id)}"></div></figure>'
    )


def figures(charts: Iterable[Chart], kind: str = "") -> str:
    """Several side by side, as many as fit; those `of-layer` are smaller."""
    return f'<div class="charts {kind}">{"".join(figure(chart) for chart in charts)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; its cells are HTML already."""
    names = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _inside_script(text: str) -> str:
    """JSON that can't end the script element it stands in."""
    return text.replace("<", "\\u003c")
