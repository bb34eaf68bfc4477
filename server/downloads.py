"""Answers that a browser stores as files."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from ..db.plain_json import json_safe
from .csv_cells import cells

CSV_TYPE = "text/csv; charset=utf-8"
CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "A CSV file"},
}
"""For the `responses` of a route."""
ROWS_AT_ONCE = 500


def download(content: str | Iterator[bytes], media_type: str, name: str) -> Response:
    """A file, or one that is sent while it is made; `name` is plain ASCII."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    if isinstance(content, str):
        return Response(content, media_type=media_type, headers=headers)
    return StreamingResponse(content, media_type=media_type, headers=headers)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV: text is no formula, and what is not finite is NaN, Infinity or -Infinity."""
    return b"".join(csv_pieces(rows)).decode()


def csv_pieces(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The same, some rows at a time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        writer.writerows(json_safe(cells(row)) for row in some)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
