"""The command line, `shiftscope`: each command is a module."""

import io
import os
import sys

import typer
from sqlalchemy.exc import SQLAlchemyError

from ..db.engine import open_database
from ..db.errors import ShiftscopeError, refusal
from .backup_command import backup, restore
from .check_command import check
from .compare_command import compare
from .diagnose_command import diagnose
from .export_command import export
from .flags import DatabaseFlag, DataFlag
from .import_command import import_run
from .purge_command import purge
from .read_commands import runs
from .report_command import report_runs
from .reproduce_command import reproduce
from .resume_command import resume
from .run_command import run
from .serve_command import serve
from .settings import load_settings, make_folder
from .sweep_command import sweep
from .token_command import show_audit, token_app
from .verdict_command import verdict
from .worker_process import environment_with, worker_command

app = typer.Typer(
    help="Watch what normalization does to a network while it trains: pairs of networks, live.",
    epilog="Begin with `shiftscope serve`. `shiftscope COMMAND --help` says more of each.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def worker(database: DatabaseFlag = None, data: DataFlag = None) -> None:
    """Train the runs that are queued, until Ctrl-C.

    `shiftscope serve` starts a worker itself; this is for further machines.
    """
    settings = load_settings(database=database, data=data)
    make_folder(settings)
    open_database(settings.database_url).dispose()
    command = worker_command(settings.data_folder)
    os.execve(command[0], command, environment_with(settings.database_url))


for command in (
    *(serve, worker, run, resume, sweep, reproduce, verdict, compare, diagnose),
    *(export, runs, backup, restore, purge, check),
):
    app.command()(command)
app.command("import")(import_run)
app.command("report")(report_runs)
app.command("audit")(show_audit)
app.add_typer(token_app, name="token")


def main() -> None:
    """Run the command line; what a person can mend is told in a sentence, without a traceback."""
    for stream in (sys.stdout, sys.stderr):  # names have signs that a terminal may lack
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ShiftscopeError as error:
        typer.echo(f"shiftscope: {error}", err=True)
        sys.exit(2)
    except SQLAlchemyError as error:
        typer.echo(f"shiftscope: {refusal(error)}", err=True)
        sys.exit(2)
