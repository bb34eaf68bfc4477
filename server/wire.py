"""What goes over the wire: JSON without NaN, and the binary frame of docs/protocol.md."""

import json
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from fastapi.responses import JSONResponse

from ..db.series import Series


def json_safe(value: Any) -> Any:
    """The same value with every float that is not finite as "NaN", "Infinity" or "-Infinity"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in cast("Sequence[Any]", value)]
    return value


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    text = json.dumps(json_safe(value), ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate has no UTF-8; as an escape it is valid JSON.
    return text.encode("utf-8", errors="backslashreplace")


class SafeJSONResponse(JSONResponse):
    """A JSON response that may hold floats that are not finite."""

    def render(self, content: Any) -> bytes:
        """Encode by `to_json`."""
        return to_json(content)


def encode_frame(run_id: int, latest: int, found: Sequence[Series]) -> bytes:
    """One frame: the length of the header, the header, and the columns as little-endian float64.

    Args:
        run_id: The run.
        latest: The last step that the frame covers.
        found: What was read, one for each selection; from its first step on the receiver replaces
            its rows.
    """
    described: list[dict[str, Any]] = []
    columns: list[bytes] = []
    for series in found:
        names: list[str] = []
        for name, values in _columns(series):
            names.append(name)
            columns.append(np.asarray(values, "<f8").tobytes())
        described.append(_description(series, names))
    header = to_json({"type": "records", "run": run_id, "latest": latest, "series": described})
    header += b" " * (-(4 + len(header)) % 8)
    return b"".join([struct.pack("<I", len(header)), header, *columns])


def _columns(series: Series) -> Iterator[tuple[str, np.ndarray]]:
    yield "step", series.step
    if series.width == 1:
        yield from series.low.items()
        return
    yield "last_step", series.last_step
    for name in series.low:
        yield f"{name}.min", series.low[name]
        yield f"{name}.max", series.high[name]


def _description(series: Series, columns: list[str]) -> dict[str, Any]:
    selection = series.selection
    return {
        "table": selection.table,
        "network_id": selection.network_id,
        "layer_id": selection.layer_id,
        "seed": selection.seed,
        "first": series.first,
        "width": series.width,
        "rows": len(series.step),
        "columns": columns,
        "null": series.null,
        "nan": series.nan,
    }
