"""`shiftscope run`: one experiment or study of the catalog, without a page."""

from typing import Annotated, NoReturn

import typer
from sqlalchemy import Engine

from ..db import catalog
from ..db.engine import open_database
from ..db.findings import findings
from ..db.judge import judged
from ..db.parsing import with_settings
from ..db.study import Study
from .finding_words import finding_lines
from .flags import DatabaseFlag, DataFlag, WebhookFlag
from .headless import Ended, own_worker, run_to_end
from .settings import load_settings, make_folder
from .verdict_command import lines


def run(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help="Name of an experiment or a study of the catalog, such as mnist-sigmoid.",
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
    webhook: WebhookFlag = None,
) -> None:
    """Run one experiment or study without a page.

    Waits for its end and says on standard error what the arms come to and what the rules found;
    standard output is the run's number. Ctrl-C stops the run, which keeps what it recorded. Ends
    with 0 when the run finished or was stopped elsewhere, 1 when it failed, 130 after Ctrl-C.
    """
    entry = catalog.entry(experiment)
    chosen = with_settings(entry.experiment, settings or [])
    if isinstance(chosen, Study):
        catalog.check_study(chosen)
    places = load_settings(database=database, data=data, webhook=webhook)
    make_folder(places)
    engine = open_database(places.database_url)
    with own_worker(engine, places) as worker:
        done = run_to_end(engine, worker, chosen, entry.name)
    tell_end(engine, done)


def tell_end(engine: Engine, done: Ended) -> NoReturn:
    """Say what a run came to, print its number, and end by how it ended."""
    run_id, ended = done.run.id, done.run
    if ended.status == "failed":
        typer.echo(f"Run {run_id} failed: {ended.error}", err=True)
    else:
        typer.echo("\n".join(lines(judged(engine, run_id))), err=True)
    if ended.diagnosed is not None:
        typer.echo("\n".join(finding_lines(findings(engine, run_id))), err=True)
    typer.echo(run_id)
    engine.dispose()
    raise typer.Exit(130 if done.interrupted else 1 if ended.status == "failed" else 0)
