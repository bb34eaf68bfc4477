"""`shiftscope export`: what was recorded of runs, on standard output or in a file."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from ..db import read
from ..db.engine import open_database
from ..db.errors import SetupProblem
from ..db.tables import LayerRecord
from .export import FORMATS, known_format
from .export_tables import EXPORTED, MEASUREMENTS, export_table
from .export_tensorboard import write_event_files
from .export_zip import zip_chunks, zip_chunks_of
from .flags import DatabaseFlag, DataFlag
from .settings import load_settings

TEXTS = ("csv", "json")
EVENT_FILES = "tensorboard"


def export(
    runs: Annotated[
        list[int],
        typer.Argument(
            metavar="RUN...",
            min=1,
            max=2**31 - 1,
            help="The run's number, as `shiftscope runs` lists it; with --zip several.",
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option(
            help=f"What to export: one of {', '.join(EXPORTED)}; by default layer_records, of a "
            f"study or an import its {MEASUREMENTS}."
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(help=f"One of {', '.join(FORMATS)}, {EVENT_FILES}.")
    ] = "csv",
    all_tables: Annotated[
        bool,
        typer.Option("--zip", help="All tables, settings and verdict as one zip, in this format."),
    ] = False,
    output: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="The file to write, of event files a folder; - is standard output."
        ),
    ] = "-",
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Write every record of a run as CSV, JSON or Parquet, all tables as one zip, or event files.

    Its findings, its log and what it took of the machine are tables, too. In full resolution.
    Numbers read back bit-equal; NaN, Infinity and -Infinity are kept; an empty field means that
    the statistic does not apply. Several runs go into one zip, each in a folder of its own.
    """
    if all_tables and table is not None:
        raise SetupProblem("--zip has all tables: leave out --table.")
    run, *others = dict.fromkeys(runs)
    if others and not all_tables:
        raise SetupProblem("Several runs go into one zip: add --zip, or export one run at a time.")
    engine = open_database(load_settings(database=database, data=data).database_url)
    if format == EVENT_FILES:
        if all_tables or table is not None or output == "-":
            raise SetupProblem("Event files have all tables: only name a folder with --output.")
        write_event_files(engine, run, Path(output))
        engine.dispose()
        return
    if all_tables:
        several = [run, *others]
        chunks = (
            zip_chunks_of(engine, several, format) if others else zip_chunks(engine, run, format)
        )
    else:
        chunks = known_format(format).chunks(
            export_table(engine, run, table or _usual(engine, run))
        )
    if output == "-":
        _to_standard_output(chunks, is_text=format in TEXTS and not all_tables)
    else:
        _to_file(chunks, Path(output), engine.url.database or "")
    engine.dispose()


def _usual(engine: Engine, run: int) -> str:
    has_layers = read.run(engine, run).source in ("experiment", "watch")
    return LayerRecord.__tablename__ if has_layers else MEASUREMENTS


def _to_standard_output(chunks: Iterator[bytes], *, is_text: bool) -> None:
    if not is_text and sys.stdout.isatty():
        raise SetupProblem("This is no text for a terminal: name a file with --output.")
    try:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python flushes once more at its end: to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise SetupProblem(f"Standard output can't be written: {error.strerror}.") from None


def _to_file(chunks: Iterator[bytes], output: Path, database: str) -> None:
    """Write beside the file and rename, so that an export that fails costs no earlier one."""
    is_special = output.exists() and not output.is_file()  # a pipe or a device
    target = output if is_special else output.with_name(f"{output.name}.part")
    try:
        if output.exists() and Path(database).exists() and output.samefile(database):
            raise SetupProblem(f"{output} is the database itself. Name another file with --output.")
        with target.open("wb") as file:
            file.writelines(chunks)
        if not is_special:
            target.replace(output)
    except OSError as error:
        if not is_special:
            target.unlink(missing_ok=True)
        raise SetupProblem(
            f"{output} can't be written: {error.strerror}. Name another file with --output."
        ) from None
