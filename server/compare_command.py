"""`shiftscope compare`: runs beside each other, in the terminal."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..db.comparison import BY_RUN, Compared, compared
from ..db.differing import Setting
from ..db.engine import open_database
from ..db.intervals import OverSeeds
from ..db.outcomes import criterion, line_outcome, target_of, with_interval
from ..db.sweep import shown_value
from .flags import DatabaseFlag, DataFlag
from .read_commands import PIPE_WIDTH
from .settings import load_settings


def compare(
    numbers: Annotated[
        list[int],
        typer.Argument(
            metavar="RUN...",
            min=1,
            max=2**31 - 1,
            help="The runs' numbers, as `shiftscope runs` lists them.",
        ),
    ],
    group: Annotated[
        str,
        typer.Option(
            metavar="SETTING",
            help="How networks become lines: run (each arm of each run), arm (each arm of all "
            "runs together), or the dotted path of a setting, such as optimizer.lr.",
        ),
    ] = BY_RUN,
    target: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1,
            help="Test accuracy to reach, a share such as 0.95; by default 0.9, or the first "
            "line's last accuracy where no network reached that.",
        ),
    ] = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Say what runs come to beside each other, and in which settings they differ."""
    engine = open_database(load_settings(database=database, data=data).database_url)
    found = compared(engine, numbers, group)
    engine.dispose()
    goal, fallback = target_of(found, target)
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False)
    for note in found.notes:
        typer.echo(note)
    console.print(_outcomes(found, goal))
    typer.echo(criterion(found, goal, fallback))
    typer.echo("")
    if found.settings.settings:
        console.print(_settings(found))
    if len(found.runs) > 1:
        typer.echo(f"Settings that are equal: {found.settings.equal}.")


def _outcomes(found: Compared, target: float) -> Table:
    table = Table("line", "networks", f"steps to {100 * target:.4g} %", box=None)
    table.add_column("best accuracy, %")
    table.add_column("last accuracy, %")
    table.columns[1].justify = "right"
    for line in found.lines:
        outcome = line_outcome(line, target)
        accuracies = map(_percent, (outcome.best_accuracy, outcome.last_accuracy))
        table.add_row(line.label, str(outcome.networks), outcome.words, *accuracies)
    return table


def _settings(found: Compared) -> Table:
    table = Table("setting", *(f"#{run.id}" for run in found.runs), box=None)
    for setting in found.settings.settings:
        path = setting.path if setting.arm is None else f"{setting.path} of {setting.arm}"
        table.add_row(path, *_values(setting))
    return table


def _values(setting: Setting) -> list[str]:
    return [
        "–" if at in setting.lacking else shown_value(value)
        for at, value in enumerate(setting.values)
    ]


def _percent(found: OverSeeds | None) -> str:
    return "–" if found is None else with_interval(found, lambda value: f"{100 * value:.1f}")
