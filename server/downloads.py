"""Answers that a browser stores as files."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
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
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(json_safe(cells(row)) for row in rows)
    return text.getvalue()
