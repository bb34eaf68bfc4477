"""`shiftscope check`: what is installed and reachable, what is wrong, and how it is mended."""

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from ..db import audit
from ..db.checkup import faults, looked_at, why_unopened
from ..db.engine import open_database, revision
from ..db.errors import ShiftscopeError
from .assets import plotly_version
from .flags import DatabaseFlag, DataFlag
from .settings import Settings, load_settings, make_folder

PACKAGES = ("shiftscope", "torch", "numpy", "sqlalchemy", "fastapi", "uvicorn", "plotly")


def check(
    full: Annotated[
        bool, typer.Option("--full", help="Look at every run and every record, however long.")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Mend what can be mended without losing anything.")
    ] = False,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Say what is there, what is wrong, and how to mend it.

    What is installed; whether database, datasets and devices are there; whether the database and
    the files beside it are sound. Ends with 1 when something is wrong, and was not mended.
    """
    settings = load_settings(database=database, data=data)
    report = Report()
    report.fine("Python", f"{platform.python_version()} at {sys.executable}")
    report.fine("Packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    report.fine("Plotly.js", plotly_version())
    try:
        make_folder(settings)
        report.fine("Data folder", str(settings.data_folder))
    except ShiftscopeError as error:
        report.wrong("Data folder", str(error))
    _check_database(report, settings, full=full, mend=mend)
    _check_trainer(report, settings.data_folder)
    if report.problems:
        raise typer.Exit(1)


class Report:
    """Lines of a name and what was found, counting what is wrong."""

    def __init__(self) -> None:
        self.problems = 0

    def fine(self, name: str, found: str) -> None:
        """Something that is as it should be."""
        typer.echo(f"  ok  {name:<14} {found}")

    def note(self, name: str, found: str) -> None:
        """Something that is missing and need not be there."""
        typer.echo(f"   -  {name:<14} {found}")

    def wrong(self, name: str, found: str) -> None:
        """Something that has to be mended."""
        self.problems += 1
        typer.echo(f"  !!  {name:<14} {found}")


def _check_database(report: Report, settings: Settings, *, full: bool, mend: bool) -> None:
    try:
        engine = open_database(settings.database_url)
    except ShiftscopeError as error:
        report.wrong("Database", str(error))
        for fault in why_unopened(settings.database_url):
            report.wrong(fault.where, f"{fault.found} {fault.remedy}")
        return
    shown = engine.url.render_as_string(hide_password=True)
    report.fine("Database", f"{shown}, tables at revision {revision(engine)}")
    _check_records(report, engine, settings, full=full, mend=mend)
    engine.dispose()


def _check_records(
    report: Report, engine: Engine, settings: Settings, *, full: bool, mend: bool
) -> None:
    before = report.problems
    for fault in faults(engine, settings.database_url, settings.data_folder, full=full):
        if mend and fault.mend is not None:
            fault.mend()
            audit.record(engine, audit.COMMAND_LINE, f"mend {fault.where}")
            report.note(fault.where, f"{fault.found} Mended.")
        else:
            report.wrong(fault.where, f"{fault.found} {fault.remedy}")
    if report.problems == before:
        report.fine("Records", looked_at(engine, full=full))


def _check_trainer(report: Report, data: Path) -> None:
    """Ask the trainer, as a process: torch stays out of this one."""
    command = [sys.executable, "-m", "shiftscope.trainer.offers", str(data)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired as error:
        report.wrong("Trainer", f"can't be asked what it has: {error}")
        return
    try:
        offers: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        report.wrong("Trainer", f"can't be asked what it has: {_last_line(done.stderr)}")
        return
    report.fine("Devices", ", ".join(offers["devices"]))
    for name, state in offers["datasets"].items():
        (report.fine if state["available"] else report.note)(name, state["note"])


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]
