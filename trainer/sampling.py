"""Which elements of a preactivation a record rests on: all of them, or evenly spread ones."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

EXACT_UP_TO = 65_536
"""Elements of a record up to which all of them are kept."""
KEPT_AT_LEAST = 16_384
"""Elements that are kept of a larger record; as few as that, because each costs time."""


@dataclass(frozen=True)
class Sampling:
    """The elements that are kept of one record: `flat[::stride]` of its elements in C order.

    That is, with the last axis running fastest, however a tensor lies in memory. It follows from
    the shape alone, so that every process comes to the same and all records of a layer keep the
    same elements. A unit may be left without one where there are more units than are kept.
    """

    shape: tuple[int, ...]
    """Of one record, the batch first: (60, 100), (32, 64, 28, 28), (8, 128, 256)."""
    unit_axis: int | None
    """The axis of units or channels: the last of linear layers; of convolutions 1, or the last
    where they are kept channels last. None where the elements belong to units in no regular way."""
    every: int | None = None
    """The stride, where it does not follow from the shape."""

    @cached_property
    def elements(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def units(self) -> int:
        """How many units or channels there are."""
        return 1 if self.unit_axis is None else self.shape[self.unit_axis]

    @cached_property
    def after_units(self) -> int:
        """Elements behind the unit axis: a convolution's positions, 1 in linear layers."""
        axis = len(self.shape) - 1 if self.unit_axis is None else self.unit_axis
        return math.prod(self.shape[axis % len(self.shape) + 1 :])

    @cached_property
    def stride(self) -> int:
        """Every how many-th element is kept; 1 up to `EXACT_UP_TO` elements.

        The largest that keeps `KEPT_AT_LEAST`, shares no factor with units × positions, so that
        all of them are visited in turn, and does not run along a line: see `_keeps_apart`.
        """
        if self.every is not None:
            return self.every
        if self.elements <= EXACT_UP_TO:
            return 1
        stride = self.elements // KEPT_AT_LEAST
        rows = {math.prod(self.shape[axis:]) for axis in range(1, len(self.shape))}
        while math.gcd(stride, self.units * self.after_units) > 1 or not all(
            _keeps_apart(stride, row) for row in rows
        ):
            stride -= 1
        return stride

    @cached_property
    def size(self) -> int:
        """How many elements are kept."""
        return -(-self.elements // self.stride)

    @cached_property
    def cycle(self) -> int:
        """After how many kept elements the same units come again, in the same order."""
        row = self.units * self.after_units
        return row // math.gcd(self.stride, row)

    @cached_property
    def members(self) -> np.ndarray:
        """The places of each unit's elements in a cycle of kept ones: (units seen, longest).

        Rows that are shorter than the longest repeat their first place, which changes neither a
        maximum nor whether all are zero. A unit without a kept element has no row. int64.
        """
        kept = np.arange(min(self.cycle, self.size)) * self.stride
        unit = kept // self.after_units % self.units
        order = np.argsort(unit, kind="stable")
        _, starts, counts = np.unique(unit[order], return_index=True, return_counts=True)
        column = np.arange(counts.max())
        return order[starts[:, None] + np.where(column < counts[:, None], column, 0)]


def _keeps_apart(stride: int, row: int) -> bool:
    """Whether kept elements keep apart from each other in rows of a length.

    They form a lattice of one point per `stride` elements. If two of its points are close, all of
    them lie on few lines: with a stride of 255 and images 256 wide, on a diagonal of each image.
    The next point must be half as far away as in a square lattice, √stride / 2.
    """
    near = math.isqrt(stride) // 2
    ahead = np.arange(1, near * row // stride + 2) * stride
    down = np.round(ahead / row).astype(np.int64)
    return bool((np.maximum(down, np.abs(ahead - down * row)) >= near).all())
