"""`shiftscope diagnose`: what the rules find in a run, in the terminal."""

import subprocess
import sys
from typing import Annotated

import typer

from ..db import audit, read
from ..db.engine import open_database
from ..db.errors import Conflict
from ..db.findings import findings
from ..db.tables import ACTIVE
from .finding_words import finding_lines
from .flags import DatabaseFlag, DataFlag, RunNumber
from .settings import load_settings
from .worker_process import environment_with


def diagnose(
    run: RunNumber,
    again: Annotated[
        bool,
        typer.Option(help="Look anew at a run that was diagnosed, as this version would."),
    ] = False,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Say what the rules find in a run, where, and what to try.

    A run that an earlier version recorded is looked at first; of one that goes on it is what was
    found so far.
    """
    url = load_settings(database=database, data=data).database_url
    engine = open_database(url)
    found = read.run(engine, run)
    if found.source in ("study", "import"):
        raise Conflict(f"Run {run} is no training: of its measurements no rule speaks.")
    if found.status not in ACTIVE and (again or found.diagnosed is None):
        look_at(url, run)
        audit.record(engine, audit.COMMAND_LINE, "diagnose run", [run])
    typer.echo("\n".join(finding_lines(findings(engine, run))))
    engine.dispose()


def look_at(url: str, run_id: int) -> None:
    """Have the trainer's rules look at a run that has ended: as a process, as ever.

    Raises:
        Conflict: It can't be done; the message says why.
    """
    module = [sys.executable, "-P", "-m", "shiftscope.trainer.diagnosing"]
    done = subprocess.run(
        [*module, str(run_id)],
        env=environment_with(url),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Conflict(lines[-1] if lines else f"Run {run_id} could not be diagnosed.")
