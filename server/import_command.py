"""`shiftscope import`: what another program logged, as a run."""

from pathlib import Path
from typing import Annotated

import typer

from ..db import audit
from ..db.engine import open_database
from .flags import DatabaseFlag, DataFlag
from .imports import import_path
from .settings import load_settings, make_folder

NAMED = 5


def import_run(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A folder of TensorBoard event files, or a CSV file."),
    ],
    name: Annotated[
        str | None, typer.Option(help="What the list of runs calls it; by default as PATH.")
    ] = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Make a run of the scalars in TensorBoard event files, or of a CSV file.

    Prints the run's number. A run directory of TensorBoard is a series, a tag a chart. A CSV file
    has a column step, and a column for each quantity.
    """
    settings = load_settings(database=database, data=data)
    make_folder(settings)
    engine = open_database(settings.database_url)
    found = import_path(engine, path, name)
    audit.record(engine, audit.COMMAND_LINE, "import run", [found.run_id])
    engine.dispose()
    of = found.document
    typer.echo(
        f"{found.numbers:,} numbers of {len(of['quantities']):,} quantities in "
        f"{len(of['series']):,} series.",
        err=True,
    )
    for one in of["skipped"][:NAMED]:
        typer.echo(f"Left out: {one['name']}: {one['reason']}", err=True)
    if len(of["skipped"]) > NAMED:
        typer.echo("The run's settings in the page list everything that was left out.", err=True)
    typer.echo(found.run_id)
