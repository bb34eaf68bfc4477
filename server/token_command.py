"""`shiftscope token`: who may come in from other machines; `shiftscope audit`: who changed what."""

from typing import Annotated

import typer
from rich.table import Table

from ..db import audit, tokens
from ..db.engine import open_database
from .flags import DatabaseFlag, DataFlag
from .read_commands import console
from .serve_command import say
from .settings import load_settings

token_app = typer.Typer(help="Make, list and revoke what lets someone in from another machine.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `shiftscope token list` shows it.")]


@token_app.callback(invoke_without_command=True)
def token(
    context: typer.Context,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For looking: it may change nothing.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="What the audit calls who comes by it.", show_default=False)
    ] = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Make a token and print it; it is not shown again."""
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(database=database, data=data)
    engine = open_database(settings.database_url)
    made = tokens.make_token(engine, name, read_only=read_only)
    engine.dispose()
    typer.echo(made)
    say(
        f"Open http://HOST:{settings.port}/?token={made} with the server's name for HOST. It is "
        "not shown again."
    )


@token_app.command("list")
def list_tokens(database: DatabaseFlag = None, data: DataFlag = None) -> None:
    """List all tokens there were; of each the name, never the token."""
    engine = open_database(load_settings(database=database, data=data).database_url)
    table = Table("name", "may", "made (UTC)", "revoked (UTC)", box=None)
    for one in tokens.tokens(engine, revoked=True):
        revoked = "" if one.revoked_at is None else f"{one.revoked_at:%Y-%m-%d %H:%M}"
        may = "look" if one.read_only else "change"
        table.add_row(one.name, may, f"{one.created_at:%Y-%m-%d %H:%M}", revoked)
    engine.dispose()
    console().print(table)


@token_app.command()
def revoke(name: Name, database: DatabaseFlag = None, data: DataFlag = None) -> None:
    """Let nobody in by a token any more, from the next second on."""
    engine = open_database(load_settings(database=database, data=data).database_url)
    tokens.revoke(engine, name)
    engine.dispose()
    typer.echo(f"Revoked: {name}.")


def show_audit(
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many lines.")] = 50,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """List who changed what, newest first."""
    engine = open_database(load_settings(database=database, data=data).database_url)
    table = Table("when (UTC)", "who", "what", "run", "answer", box=None)
    for one in audit.lines(engine, limit=limit):
        run, answer = ("" if value is None else str(value) for value in (one.run_id, one.answer))
        table.add_row(f"{one.at:%Y-%m-%d %H:%M:%S}", one.who, one.what, run, answer)
    engine.dispose()
    console().print(table)
