"""`shiftscope runs`: what was recorded, in the terminal."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..db import listing
from ..db.engine import open_database
from ..db.errors import SearchError, SetupProblem
from ..db.tables import Run
from .flags import DatabaseFlag, DataFlag
from .settings import load_settings

PIPE_WIDTH = 160


def runs(
    query: Annotated[
        str,
        typer.Argument(
            metavar="[QUERY]",
            help="Which ones, such as 'dataset:mnist lr>0.1 -tag:draft'; docs/search.md has more. "
            "Where it begins with a minus sign, put -- before it.",
            show_default=False,
        ),
    ] = "",
    sort: Annotated[
        str, typer.Option(metavar="KEY", help="Sort by it; a minus sign before it turns around.")
    ] = listing.NEWEST,
    database: DatabaseFlag = None,
    data: DataFlag = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many runs.")] = 50,
) -> None:
    """List the runs, newest first."""
    if not listing.can_sort(sort):
        expected = ", ".join(listing.SORTS)
        raise SetupProblem(
            f"Runs can't be sorted by {sort}; expected one of {expected}, or a setting by its path."
        )
    engine = open_database(load_settings(database=database, data=data).database_url)
    try:
        found = listing.page(engine, query, sort=sort, limit=limit).runs
    except SearchError as error:
        pointer = " " * error.position + "^"
        raise SetupProblem(f"The query is not understood. {error}\n{query}\n{pointer}") from None
    finally:
        engine.dispose()
    if not found:
        typer.echo(
            "No run matches."
            if query
            else "No runs yet: start one in the page (shiftscope serve) or by shiftscope run."
        )
        return
    table = Table(
        "run", "name", "status", "progress", "steps/s", "device", "created (UTC)", box=None
    )
    for column in (0, 3, 4):
        table.columns[column].justify = "right"
    for run in found:
        table.add_row(
            str(run.id),
            run.name,
            run.status,
            progress_words(run),
            f"{run.steps_per_second:,.0f}" if run.steps_per_second else "",
            run.device or "",
            f"{run.created_at:%Y-%m-%d %H:%M}",
        )
    console().print(table)


def console() -> Console:
    """Where tables are printed; what is piped has lines of one width."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False)


def progress_words(run: Run) -> str:
    """How far a run is: its steps, or the measurements of a study or an import."""
    if run.source in ("study", "import"):
        return f"{run.step:,} measurements"
    return f"{run.step:,} steps" if run.steps is None else f"{run.step:,} of {run.steps:,} steps"
