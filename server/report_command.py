"""`shiftscope report`: a run, or several side by side, as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from ..db.engine import open_database
from .flags import DatabaseFlag, DataFlag
from .run_report import MOST_RUNS, run_report
from .settings import load_settings
from .whole_file import check_writable, write_whole


def report_runs(
    runs: Annotated[
        list[int],
        typer.Argument(
            metavar="RUN...",
            min=1,
            max=2**31 - 1,
            help=f"Numbers of at most {MOST_RUNS} runs, as `shiftscope runs` lists them.",
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")] = Path(
        "report.html"
    ),
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Write a run, or several side by side, as one HTML file that needs no server.

    With verdicts, charts that can be zoomed, settings and versions.
    """
    check_writable(output)
    engine = open_database(load_settings(database=database, data=data).database_url)
    text = run_report(engine, runs)
    engine.dispose()
    write_whole(output, text)
