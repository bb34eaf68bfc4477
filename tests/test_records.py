"""Slots into rows: what a record holds does not depend on which others are finished with it."""

from typing import Any

import numpy as np
import pytest

from shiftscope.trainer.records import NetworkSlots, NetworkTrack
from shiftscope.trainer.ring import StackSlots

SLOTS, TENSORS = 64, 20


@pytest.mark.parametrize("at_once", [1, 3, 17])
def test_a_norm_over_layers_is_the_same_however_many_steps_are_finished_at_once(
    at_once: int,
) -> None:
    norms = np.random.default_rng(0).random((SLOTS, 2, TENSORS), np.float32) * 100
    nothing: Any = None
    room = StackSlots([], norms, nothing, nothing)
    track = NetworkTrack(1, 1, "none", nothing, place=1, layers=[])

    def norm(slots: slice) -> np.ndarray:
        return NetworkSlots(track, room, slots).norm(range(3, TENSORS))

    parts = [norm(slice(at, min(at + at_once, SLOTS))) for at in range(0, SLOTS, at_once)]
    assert np.array_equal(np.concatenate(parts), norm(slice(0, SLOTS)))
    exact = np.sqrt(np.sum(norms[:, 1, 3:].astype(np.float64) ** 2, axis=1))
    assert norm(slice(0, SLOTS)) == pytest.approx(exact, rel=1e-14)
