"""Everything that was recorded of a run, or of several, as one zip, in constant memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Engine

from ..db import read
from ..db.judge import judged
from ..db.plain_json import to_json
from ..db.tables import Run
from .export import Format, known_format
from .export_sink import Sink
from .export_tables import EXPORTED, export_table
from .run_schemas import networks_public, run_detail_public
from .verdict_routes import verdict_public

DEFINITIONS = Path(__file__).resolve().parents[1] / "docs" / "statistics.md"
FASTEST = 1
"""Compression: a stronger one takes three times as long to save a tenth."""


def zip_chunks(engine: Engine, run_id: int, ending: str = "csv") -> Iterator[bytes]:
    """The tables in which the run has rows, run.json, verdict.json and what it all means.

    Raises:
        NotFound: There is no such run or format; at once.
        MissingExtra: The format needs a package that is not installed; at once.
    """
    run = read.run(engine, run_id)
    return _chunks(engine, {"": run}, ending, known_format(ending))


def zip_chunks_of(engine: Engine, run_ids: Sequence[int], ending: str = "csv") -> Iterator[bytes]:
    """The same of several runs, each in a folder of its own, such as `run-3`.

    Raises:
        NotFound: There is no such format, or one of the runs does not exist; at once.
        MissingExtra: The format needs a package that is not installed; at once.
    """
    runs = {f"run-{run_id}/": read.run(engine, run_id) for run_id in run_ids}
    return _chunks(engine, runs, ending, known_format(ending))


def _chunks(
    engine: Engine, runs: Mapping[str, Run], ending: str, written: Format
) -> Iterator[bytes]:
    sink = Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=FASTEST) as archive:
        for folder, run in runs.items():
            for _ in _members(engine, run, archive, folder, ending, written):
                yield sink.take()
        archive.writestr("statistics.md", DEFINITIONS.read_bytes())
    yield sink.take()


def _members(
    engine: Engine, run: Run, archive: ZipFile, folder: str, ending: str, written: Format
) -> Iterator[None]:
    """Write what there is of a run, a piece from one pause to the next."""
    contents: list[tuple[str, list[str]]] = []
    archive.writestr(f"{folder}run.json", _run_json(engine, run))
    archive.writestr(f"{folder}verdict.json", _verdict_json(engine, run))
    for name in EXPORTED:
        table = export_table(engine, run.id, name)
        first = next(table.rows, None)
        if first is None:
            continue
        whole = replace(table, rows=chain([first], table.rows))
        contents.append((f"{name}.{ending}", table.columns))
        with archive.open(f"{folder}{name}.{ending}", "w", force_zip64=True) as file:
            for chunk in written.chunks(whole):
                file.write(chunk)
                yield
    archive.writestr(f"{folder}README.md", _readme(run, contents))
    yield


def _run_json(engine: Engine, run: Run) -> bytes:
    networks = networks_public(read.networks(engine, run.id), read.layers(engine, run.id))
    return to_json(run_detail_public(run, networks).model_dump(mode="json"))


def _verdict_json(engine: Engine, run: Run) -> bytes:
    return to_json(verdict_public(judged(engine, run.id)).model_dump(mode="json"))


def _readme(run: Run, contents: list[tuple[str, list[str]]]) -> str:
    columns = "\n\n".join(f"`{file}`: {', '.join(names)}" for file, names in contents)
    return f"""# Run {run.id}: {run.name}

Every record of the run, in full resolution, its findings, its log and what it took of the machine.

- `run.json`: the run with its settings, versions, networks and layers.
- `verdict.json`: what its arms come to.
- `statistics.md`, of several runs beside their folders: what each column is, with its formula and
  unit.

An empty field (null) means that a statistic does not apply. What is not finite is NaN, Infinity or
-Infinity; in JSON, which has no such numbers, these are strings.

## Columns

{columns or "Nothing was recorded."}
"""
