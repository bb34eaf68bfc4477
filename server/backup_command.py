"""`shiftscope backup` and `shiftscope restore`."""

from pathlib import Path
from typing import Annotated

import typer

from ..db.backup import Manifest, back_up, sqlite_file
from ..db.restoring import restore as put_back
from .flags import DatabaseFlag, DataFlag
from .settings import load_settings, make_folder
from .whole_file import check_writable


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the backup.")],
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Write all runs and their checkpoints into one file.

    Whoever trains or records meanwhile goes on: the backup is what is committed at one moment.
    """
    places = load_settings(database=database, data=data)
    file = file.expanduser().absolute()
    check_writable(file)
    manifest = back_up(places.database_url, file)
    typer.echo(f"{file}: {_described(manifest)}. Verified.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Set a database that is there aside.")
    ] = False,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Put a backup in the database's place."""
    places = load_settings(database=database, data=data)
    make_folder(places)
    url = places.database_url
    manifest, aside = put_back(url, file.expanduser(), force=force)
    typer.echo(f"{sqlite_file(url)}: {_described(manifest)}, as of {manifest.made_at:%F %T} UTC.")
    if aside is not None:
        typer.echo(f"What was there is {aside} now.")


def _described(manifest: Manifest) -> str:
    size = sum(one.bytes for one in manifest.files.values()) / 1e6
    return f"{manifest.runs:,} run{'s' * (manifest.runs != 1)}, {size:,.1f} MB"
