"""A run's tables as files, in full resolution and constant memory: for HTTP and the terminal.

Formats are CSV and JSON, written here, and Parquet (export_parquet.py). Floats are written by
`repr`, so that they read back bit-equal; what is not finite is NaN, Infinity or -Infinity, in JSON
as a string. A statistic that does not apply is an empty field, in JSON null. In CSV text is no
formula (csv_cells.py).
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..db.errors import NotFound
from ..db.plain_json import json_safe
from .csv_cells import cells
from .downloads import CSV_TYPE, ROWS_AT_ONCE
from .export_parquet import parquet_chunks
from .export_tables import ExportTable
from .extras import is_installed, require


def csv_chunks(table: ExportTable) -> Iterator[bytes]:
    """The header and every row, some at a time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    whose = table.first_number
    while text.tell():
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
        writer.writerows(
            _safe((*cells(row[:whose]), *row[whose:]), table)
            for row in islice(table.rows, ROWS_AT_ONCE)
        )


def json_chunks(table: ExportTable) -> Iterator[bytes]:
    """`{"run": …, "table": …, "columns": […], "rows": [[…], …]}`, a row on each line."""
    head = json.dumps({"run": table.run_id, "table": table.name, "columns": table.columns})
    yield f'{head[:-1]}, "rows": ['.encode()
    comma = "\n"
    while lines := [
        json.dumps(_safe(row, table), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        for row in islice(table.rows, ROWS_AT_ONCE)
    ]:
        yield (comma + ",\n".join(lines)).encode(errors="backslashreplace")
        comma = ",\n"
    yield b"\n]}\n"


def _safe(row: tuple[Any, ...], table: ExportTable) -> tuple[Any, ...] | list[Any]:
    # A sum is finite only when every value is: one cheap test for a row.
    if math.isfinite(sum(value for value in row[table.first_number :] if value is not None)):
        return row
    return json_safe(row)


@dataclass(frozen=True)
class Format:
    """How tables are written.

    Attributes:
        media_type: For HTTP.
        chunks: A table as the bytes of a file, some at a time.
        extra: Of our package, which it needs.
    """

    media_type: str
    chunks: Callable[[ExportTable], Iterator[bytes]]
    extra: str | None = None


FORMATS = {
    "csv": Format(CSV_TYPE, csv_chunks),
    "json": Format("application/json", json_chunks),
    "parquet": Format("application/vnd.apache.parquet", parquet_chunks, "parquet"),
}
"""By the ending of their files."""


def known_format(name: str) -> Format:
    """A format of tables by its name.

    Raises:
        NotFound: There is none of this name.
        MissingExtra: It needs a package that is not installed.
    """
    if name not in FORMATS:
        raise NotFound(f"There is no format {name!r}; expected one of {', '.join(FORMATS)}.")
    found = FORMATS[name]
    if found.extra is not None:
        require(found.extra)
    return found


def usable_formats() -> list[str]:
    """The formats that nothing is missing for."""
    return [name for name, of in FORMATS.items() if of.extra is None or is_installed(of.extra)]


def file_name(run_id: int, table: str, ending: str = "csv") -> str:
    """What a downloaded export is called."""
    return f"shiftscope-run-{run_id}-{table}.{ending}"
