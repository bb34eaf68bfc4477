"""Where the checkpoints of runs lie: a folder beside the database, and in it one for each run.

Beside a SQLite file `NAME.db` it is `NAME.checkpoints`. With PostgreSQL it is in the data folder of
the worker, so that a run goes on where its checkpoints are.
"""

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from .engine import parse_url

PLACE = "place"
"""A file in the folder with a name that no other folder has."""


def checkpoints_folder(database: str, data: Path) -> Path:
    """The folder of a database's checkpoints; it need not be there.

    Args:
        database: URL.
        data: The data folder of this machine.
    """
    url = parse_url(database)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(url.database).expanduser().absolute().with_suffix(".checkpoints")
    return data / f"{url.database or 'shiftscope'}.checkpoints"


def place_of(folder: Path) -> str:
    """The name of a folder of checkpoints, by which runs know it; made where there is none.

    Raises:
        OSError: The folder cannot be written to.
    """
    file = folder / PLACE
    with contextlib.suppress(FileNotFoundError):
        return file.read_text().strip()
    folder.mkdir(parents=True, exist_ok=True)
    name = str(uuid4())
    new = folder / f"{PLACE}.{name}"
    new.write_text(name)
    with contextlib.suppress(FileExistsError):  # whoever comes first names it
        file.hardlink_to(new)
    new.unlink()
    return file.read_text().strip()


def of_run(folder: Path, run_id: int) -> Path:
    """The folder of one run's checkpoints."""
    return folder / str(run_id)


def remove_checkpoints(folder: Path, run_ids: Iterable[int]) -> None:
    """Remove the checkpoints of some runs, as far as they are here."""
    for run_id in run_ids:
        shutil.rmtree(of_run(folder, run_id), ignore_errors=True)


def runs_with_checkpoints(folder: Path) -> list[int]:
    """The numbers of the runs that have any here."""
    if not folder.is_dir():
        return []
    return sorted(int(one.name) for one in folder.iterdir() if one.name.isdecimal())
