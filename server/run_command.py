"""`shiftscope run`: one experiment of the catalog, without a page."""

import subprocess
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from ..db import catalog, queue, read
from ..db.engine import open_database
from ..db.errors import Conflict
from ..db.judge import judged
from ..db.parsing import with_settings
from ..db.tables import ACTIVE, Run
from .flags import DatabaseFlag, DataFlag
from .interrupts import interruptible, uninterrupted
from .settings import load_settings, make_folder
from .verdict_command import lines
from .worker_process import end_worker, start_worker

LOOK_SECONDS = 0.2


def run(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help="Name of an experiment of the catalog, such as mnist-sigmoid.",
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting, such as steps=300, dataset=digits or optimizer.lr=0.5; "
            "give it once for each setting.",
        ),
    ] = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Train one experiment without a page.

    Waits for its end and says on standard error what the arms come to; standard output is the
    run's number. Ctrl-C stops the run, which keeps what it recorded. Ends with 0 when the run
    finished or was stopped elsewhere, 1 when it failed, 130 after Ctrl-C.
    """
    entry = catalog.entry(experiment)
    chosen = with_settings(catalog.experiment(entry.name), settings or [])
    places = load_settings(database=database, data=data)
    make_folder(places)
    engine = open_database(places.database_url)
    interrupted = False
    with interruptible():
        run_id = queue.enqueue(engine, chosen, entry.name)
        process = start_worker(places.database_url, places.data_folder, "--run", run_id)
        try:
            try:
                ended = _follow(engine, run_id, process)
            except KeyboardInterrupt:
                interrupted = True
                ended = _stop(engine, run_id, process)
        except KeyboardInterrupt:  # a second time: the person will not wait
            ended = None
        finally:
            with uninterrupted():
                end_worker(process)
    ended = ended or read.run(engine, run_id)
    if ended.status == "failed":
        typer.echo(f"Run {run_id} failed: {ended.error}", err=True)
    else:
        typer.echo("\n".join(lines(judged(engine, run_id))), err=True)
    typer.echo(run_id)
    engine.dispose()
    raise typer.Exit(130 if interrupted else 1 if ended.status == "failed" else 0)


def _stop(engine: Engine, run_id: int, process: subprocess.Popen[bytes]) -> Run:
    try:
        queue.ask_to_stop(engine, run_id)
    except Conflict:
        return read.run(engine, run_id)  # it ended at the same moment
    typer.echo("Stopping; Ctrl-C again does not wait.", err=True)
    return _follow(engine, run_id, process)


def _follow(engine: Engine, run_id: int, process: subprocess.Popen[bytes]) -> Run:
    """Show the run's progress until it has ended; what is known of it comes from the database."""
    with _progress() as progress:
        task = progress.add_task("waiting for the worker", total=None, steps="")
        while True:
            run = read.run(engine, run_id)
            steps = f"{run.step:,} of {run.steps:,} steps"
            if run.steps_per_second:
                steps += f"  {run.steps_per_second:,.0f} steps/s"
            what = run.phase or run.status
            progress.update(
                task, description=what, completed=run.step, total=run.steps, steps=steps
            )
            if run.status not in ACTIVE:
                return run
            if process.poll() is not None:
                _look_for_orphans(engine, run_id, process.returncode)
            time.sleep(LOOK_SECONDS)


def _look_for_orphans(engine: Engine, run_id: int, exit_code: int) -> None:
    """Our worker is gone. Another may have claimed the run; if none has, it has failed."""
    if read.run(engine, run_id).status == "queued":
        queue.end(engine, run_id, "failed", f"The worker did not start (exit code {exit_code}).")
    else:
        queue.reconcile(engine)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
