"""What goes over the wire: JSON responses without NaN, and the binary frame of the protocol."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from fastapi.responses import JSONResponse

from ..db.plain_json import to_json
from ..db.series import Series
from ..db.units import UnitMatrices


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
    return _framed(
        {"type": "records", "run": run_id, "latest": latest, "series": described}, columns
    )


def encode_units(run_id: int, layer: str, array: str, found: UnitMatrices) -> bytes:
    """A frame of units: its header as that of records, then the matrices as little-endian float32.

    Args:
        run_id: The run.
        layer: Its name.
        array: What is told of each unit.
        found: One matrix for each arm, (steps, units).
    """
    networks = [
        {
            **{"network_id": one.network.id, "layer_id": one.layer.id, "arm": one.network.arm},
            **{"units": one.layer.units if one.values is None else one.values.shape[1]},
            **{"step": one.steps, "applies": one.values is not None},
        }
        for one in found.matrices
    ]
    header = {
        **{"type": "units", "run": run_id, "layer": layer, "array": array},
        **{"looks": found.looks, "every": found.every, "networks": networks},
    }
    values = [one.values for one in found.matrices]
    return _framed(header, [each.astype("<f4").tobytes() for each in values if each is not None])


def _framed(header: dict[str, Any], columns: Sequence[bytes]) -> bytes:
    text = to_json(header)
    text += b" " * (-(4 + len(text)) % 8)
    return b"".join([struct.pack("<I", len(text)), text, *columns])


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
