"""JSON that every reader takes: floats that are not finite are text in it."""

import json
import math
from collections.abc import Sequence
from typing import Any, cast


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
