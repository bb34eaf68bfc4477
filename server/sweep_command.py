"""`shiftscope sweep`: an experiment of the catalog with several values of some settings."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from ..db import audit, catalog, sweeps
from ..db.engine import open_database
from ..db.errors import FieldProblem, InvalidExperiment
from ..db.estimate import estimate
from ..db.intervals import OverSeeds
from ..db.parsing import setting_path, with_settings
from ..db.sweep import Member, count_networks, expand, shown_value
from ..db.sweep_parsing import parse_over, parse_sweep
from ..db.verdict import DEFAULT_TARGET
from .flags import DatabaseFlag, DataFlag, WebhookFlag
from .headless import own_worker, train_to_end
from .interrupts import interruptible
from .settings import load_settings, make_folder

PIPE_WIDTH = 160


def sweep(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT",
            help="Name of an experiment of the catalog, such as mnist-sigmoid.",
        ),
    ],
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="KEY=VALUES",
            help="A setting and its values: lr=0.01,0.1,1 or a range, lr=log:0.01:10:7 (also lin, "
            "uniform, loguniform); give it once for each setting. docs/sweeps.md has more.",
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of all runs, as in run."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="So many runs, each with all values drawn at random; no grid."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn at random.")] = 0,
    name: Annotated[
        str | None, typer.Option(help="What the sweep is called; by default as its experiment.")
    ] = None,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="Only queue the runs: a worker that is there trains them."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what runs there would be, and their cost.")
    ] = False,
    database: DatabaseFlag = None,
    data: DataFlag = None,
    webhook: WebhookFlag = None,
) -> None:
    """Run one experiment with several values of some settings, a run for each.

    Says on standard error how many runs and networks there are and how long they will probably
    take, then trains one after another and shows what each came to; standard output is the sweep's
    number. Ctrl-C stops them all. Ends with 0 when no run failed, 1 otherwise, 130 after Ctrl-C.
    """
    base = with_settings(catalog.experiment(experiment), settings or [])
    swept = [parse_over(one) for one in over]
    _refuse_both(swept, settings or [])
    document = {"experiment": base.model_dump(mode="json"), "over": swept}
    given = {"name": name, "draws": draws, "seed": seed}
    asked = parse_sweep(
        document | {key: value for key, value in given.items() if value is not None}
    )
    members = expand(asked)
    places = load_settings(database=database, data=data, webhook=webhook)
    make_folder(places)
    engine = open_database(places.database_url)
    typer.echo(_cost(engine, members), err=True)
    if dry_run:
        for member in members:
            typer.echo(member.experiment.name)
        engine.dispose()
        return
    number = sweeps.start(engine, asked, experiment)
    audit.record(engine, audit.COMMAND_LINE, f"create sweep {number}")
    interrupted = False
    if not queue:
        with interruptible(), own_worker(engine, places) as worker:
            runs = sweeps.runs(engine, number)
            try:
                for at, run in enumerate(runs, 1):
                    done = train_to_end(engine, worker, run.id, f"{at} of {len(runs)}  {run.name}")
                    if done.interrupted:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                interrupted = True
                sweeps.stop(engine, number)
                audit.record(engine, audit.COMMAND_LINE, f"stop sweep {number}")
        _show(engine, number)
    typer.echo(number)
    statuses = {run.status for run in sweeps.runs(engine, number)}
    engine.dispose()
    raise typer.Exit(130 if interrupted else 1 if "failed" in statuses else 0)


def _refuse_both(swept: list[dict[str, Any]], settings: list[str]) -> None:
    """A setting is swept, or has one value.

    Raises:
        InvalidExperiment: With one problem per setting that is given both.
    """
    fixed = {setting_path(one.partition("=")[0].strip()) for one in settings}
    both = [one["setting"] for one in swept if one["setting"] in fixed]
    if both:
        sentence = "is swept, and --set gives it one value; expected --over or --set, not both."
        raise InvalidExperiment([FieldProblem(path, sentence) for path in both])


def _cost(engine: Engine, members: list[Member]) -> str:
    """How many runs and networks there are, and how long they will take."""
    experiments = [member.experiment for member in members]
    networks = sum(map(count_networks, experiments))
    cost = estimate(engine, *experiments)
    return (
        f"{_count(len(members), 'run')}, {_count(networks, 'network')}, about "
        f"{_duration(cost.seconds)} one after another. {cost.basis}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def _show(engine: Engine, number: int) -> None:
    """A row for each run: its values and, once it finished, what each arm came to."""
    row = sweeps.one(engine, number)
    found = sweeps.members(engine, row)
    arms = [arm["name"] for arm in row.sweep["experiment"]["arms"]]
    table = Table("run", "status", *sweeps.settings(row), box=None)
    for arm in arms:
        table.add_column(f"{arm}: accuracy", justify="right")
        table.add_column(f"steps to {DEFAULT_TARGET:.0%}".replace("%", " %"), justify="right")
    for member in found:
        cells = [
            cell
            for arm in member.arms
            for cell in (
                _over_seeds(arm.last_accuracy, "{:.3f}"),
                _over_seeds(arm.steps_to_target, "{:,.0f}"),
            )
        ]
        table.add_row(
            str(member.run.id), member.run.status, *map(shown_value, member.values), *cells
        )
    console = Console(width=None if sys.stderr.isatty() else PIPE_WIDTH, markup=False, stderr=True)
    console.print(table, highlight=False)


def _over_seeds(found: OverSeeds | None, form: str) -> str:
    if found is None:
        return "–"
    value = form.format(found.value)
    if found.low is None or found.high is None:
        return value
    return f"{value} ({form.format(found.low)} to {form.format(found.high)})"
