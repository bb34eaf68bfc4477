"""Files that are written whole or not at all: beside themselves first, then renamed."""

import os
from pathlib import Path

from ..db.errors import SetupProblem


def check_writable(file: Path) -> None:
    """See before long work that its result can be written.

    Raises:
        SetupProblem: It can't.
    """
    if file.is_dir():
        raise SetupProblem(f"{file} is a folder; expected the name of a file.")
    if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise SetupProblem(f"{file} can't be written: its folder is not there, or read-only.")


def write_whole(file: Path, text: str) -> None:
    """Write a text as UTF-8, so that a failure costs no earlier file.

    Raises:
        SetupProblem: It can't be written.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_text(text, "utf-8", newline="\n")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SetupProblem(f"{file} can't be written: {error.strerror}.") from None
