"""`shiftscope reproduce`: claims of the catalog, run one after another, each with its verdict."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from ..db import read
from ..db.claims import Claim, Outcome
from ..db.engine import open_database
from ..db.judge import judged
from ..db.reproduction import (
    MADE_WITH,
    Decided,
    Task,
    as_expected,
    chosen,
    how_long,
    reusable,
    sized,
)
from ..db.study import Length
from ..db.tables import Run
from .claims_table import claims_table
from .flags import DatabaseFlag, DataFlag, WebhookFlag
from .headless import OwnWorker, own_worker, run_to_end
from .interrupts import interruptible
from .report import report
from .settings import load_settings, make_folder
from .whole_file import check_writable, write_whole

PIPE_WIDTH = 160
NOT_EXPECTED = ": not as expected"


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAMES]",
            help="Numbers of claims, such as E9, or names of experiments of the catalog; by "
            "default every claim.",
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full/--quick",
            help="Three seeds and the source's own length where that is feasible, or one seed and "
            "the fewest steps that decide the claims.",
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Run also what has finished before with the same settings."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a report, one HTML file with its charts."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Bring the table of claims up to date, a file such as docs/claims.md.",
        ),
    ] = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
    webhook: WebhookFlag = None,
) -> None:
    """Run experiments of the catalog and say what they find of the claims that are made.

    Prints criterion, expectation, measurement and verdict of each. Runs that finished before are
    reused, so that it can be stopped and called again. Ends with 0 when every claim was decided as
    its page says it should be, 1 otherwise, 130 after Ctrl-C.
    """
    length: Length = "full" if full else "quick"
    tasks = chosen(names or [])
    for file in filter(None, (output, table)):
        check_writable(file)
    places = load_settings(database=database, data=data, webhook=webhook)
    make_folder(places)
    engine = open_database(places.database_url)
    decided: list[Decided] = []
    interrupted = False
    with interruptible(), own_worker(engine, places) as worker:
        try:
            for number, task in enumerate(tasks, 1):
                label = f"{number} of {len(tasks)}  {task.entry.name}"
                done = _run(engine, worker, task, length, again, label)
                if done is None:
                    interrupted = True
                    break
                decided.append(done)
                for outcome in done.outcomes:
                    typer.echo(_block(done, *outcome, length))
        except KeyboardInterrupt:
            interrupted = True
    if decided:
        _show(decided, length)
    if interrupted:
        typer.echo("Stopped. The same command goes on: what finished is reused.", err=True)
    else:
        if output:
            write_whole(output, report(engine, decided, length))
        if table:
            before = table.read_text("utf-8") if table.exists() else ""
            write_whole(table, claims_table(decided, length, before))
    engine.dispose()
    fine = all(as_expected(*outcome) for done in decided for outcome in done.outcomes)
    raise typer.Exit(130 if interrupted else 0 if fine else 1)


def _run(
    engine: Engine, worker: OwnWorker, task: Task, length: Length, again: bool, label: str
) -> Decided | None:
    """Run a task's entry, or find a run of it, and judge; None after Ctrl-C."""
    asked = sized(task.entry, length)
    versions = {name: version(name) for name in MADE_WITH}
    earlier = () if again else read.finished_runs(engine, task.entry.name)
    run = reusable(earlier, task.entry, asked, versions)
    reused = run is not None
    if run is None:
        ended = run_to_end(engine, worker, asked, task.entry.name, label)
        if ended.interrupted:
            return None
        run = ended.run
    return Decided(task, run, reused, _outcomes(engine, run, task))


def _outcomes(engine: Engine, run: Run, task: Task) -> tuple[tuple[Claim, Outcome], ...]:
    """What a run says of the claims of a task."""
    if run.status == "failed":
        failed = Outcome("inconclusive", f"Run {run.id} failed: {run.error}")
        return tuple((claim, failed) for claim in task.claims)
    found = {claim.number: outcome for claim, outcome in judged(engine, run.id).outcomes}
    return tuple((claim, found[claim.number]) for claim in task.claims)


def _block(done: Decided, claim: Claim, outcome: Outcome, length: Length) -> str:
    """What is printed of a claim as soon as its run has ended."""
    entry, run = done.task.entry, done.run
    return "\n".join(
        [
            f"{claim.number}  {claim.statement}",
            f"    criterion  {claim.criterion}",
            f"    expected   {claim.expected}",
            f"    measured   {outcome.reason}",
            f"    verdict    {outcome.result}{'' if as_expected(claim, outcome) else NOT_EXPECTED}",
            f"    run        {run.id}{', made before' if done.reused else ''}: {entry.name}, "
            f"{how_long(entry, length)}",
            "",
        ]
    )


def _show(decided: Sequence[Decided], length: Length) -> None:
    """The summary: a row for each claim, then how many were decided as expected."""
    table = Table("claim", "statement", "expected", "verdict", "as expected", "run", box=None)
    table.columns[5].justify = "right"
    outcomes = [(done, *outcome) for done in decided for outcome in done.outcomes]
    for done, claim, outcome in outcomes:
        fine = "yes" if as_expected(claim, outcome) else "no"
        table.add_row(
            claim.number, claim.statement, claim.expected, outcome.result, fine, str(done.run.id)
        )
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False)
    console.print(table, highlight=False)
    others = [claim.number for _, claim, outcome in outcomes if not as_expected(claim, outcome)]
    fine = f"{len(outcomes) - len(others)} of {len(outcomes)} decided as expected ({length})"
    typer.echo(f"\n{fine}{'; not: ' + ', '.join(others) if others else ''}.")
