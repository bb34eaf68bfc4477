"""`shiftscope runs` and `shiftscope export`: what was recorded, in the terminal or a file."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..db import listing, read
from ..db.engine import open_database
from ..db.errors import SearchError, SetupProblem
from ..db.tables import LayerRecord, Run
from .export import EXPORTED, MEASUREMENTS, csv_chunks
from .flags import DatabaseFlag, DataFlag, RunNumber
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
    if sort.removeprefix("-") not in listing.SORTS:
        expected = ", ".join(listing.SORTS)
        raise SetupProblem(f"Runs can't be sorted by {sort}; expected one of {expected}.")
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
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False)
    console.print(table)


def progress_words(run: Run) -> str:
    """How far a run is: its steps, or the measurements of a study."""
    if run.source == "study":
        return f"{run.step:,} measurements"
    return f"{run.step:,} steps" if run.steps is None else f"{run.step:,} of {run.steps:,} steps"


def export(
    run: RunNumber,
    table: Annotated[
        str | None,
        typer.Option(
            help=f"What to export: one of {', '.join(EXPORTED)}; by default layer_records, of a "
            f"study its {MEASUREMENTS}."
        ),
    ] = None,
    output: Annotated[
        str, typer.Option(metavar="FILE", help="The file to write; - is standard output.")
    ] = "-",
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Write every record of a run as CSV.

    In full resolution. Numbers read back bit-equal; NaN, Infinity and -Infinity are kept; an
    empty field means that the statistic does not apply.
    """
    engine = open_database(load_settings(database=database, data=data).database_url)
    is_study = table is None and read.run(engine, run).source == "study"
    usual = MEASUREMENTS if is_study else LayerRecord.__tablename__
    chunks = csv_chunks(engine, run, table or usual)
    if output == "-":
        _to_standard_output(chunks)
    else:
        _to_file(chunks, Path(output), engine.url.database or "")
    engine.dispose()


def _to_standard_output(chunks: Iterator[str]) -> None:
    try:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python flushes once more at its end: to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise SetupProblem(f"Standard output can't be written: {error.strerror}.") from None


def _to_file(chunks: Iterator[str], output: Path, database: str) -> None:
    """Write beside the file and rename, so that an export that fails costs no earlier one."""
    is_special = output.exists() and not output.is_file()  # a pipe or a device
    target = output if is_special else output.with_name(f"{output.name}.part")
    try:
        if output.exists() and Path(database).exists() and output.samefile(database):
            raise SetupProblem(f"{output} is the database itself. Name another file with --output.")
        with target.open("w", encoding="utf-8", newline="") as file:
            file.writelines(chunks)
        if not is_special:
            target.replace(output)
    except OSError as error:
        if not is_special:
            target.unlink(missing_ok=True)
        raise SetupProblem(
            f"{output} can't be written: {error.strerror}. Name another file with --output."
        ) from None
