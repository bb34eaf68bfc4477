"""Whether rows of two runs say the same, as far as sums in another order do."""

from collections.abc import Sequence
from typing import Any

import pytest

Rows = Sequence[dict[str, Any]]
KEYS = {"run_id", "network_id", "layer_id"}


def assert_same_statistics(ours: Rows, theirs: Rows) -> None:
    """`mean` and `std` within 1e-6 of the largest magnitude, shifts within 2e-5 (as
    docs/statistics.md has it), all else within 1e-9."""
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        largest = max((abs(b[name]) for name in ("min", "max") if b[name] == b[name]), default=0)
        for name in b.keys() - KEYS:
            of_order = {"rel": 0, "abs": 1e-6 * largest}
            within = {
                "mean": of_order,
                "std": of_order,
                "shift_w1": {"rel": 2e-5, "abs": 2e-6},
                "shift_from_start": {"rel": 2e-5, "abs": 2e-6},
            }
            expected = b[name]
            if isinstance(expected, float):
                expected = pytest.approx(expected, **within.get(name, {"rel": 1e-9}), nan_ok=True)
            assert a[name] == expected, (name, b["arm"], b["layer"], b["step"])
