"""Which steps are looked at: all, every n-th, or as many as a cap on the cost allows."""

import math

MEMORY = 0.9
"""Weight of the past in the running means of times."""
LONGEST = 10_000
"""Steps between two looks at most."""


class Cadence:
    """Decides step by step whether to look, from what looking has cost.

    Without a cap every `record_every`-th step is looked at. With a cap c the next look comes so
    late that cost ≤ c · training time, by running means of both.

    Args:
        record_every: Steps from one look to the next, at least.
        cap: Largest share of the training time that looking may take; None: any.
    """

    def __init__(self, record_every: int, cap: float | None) -> None:
        self._record_every = record_every
        self._cap = cap
        self._next = 1
        self._cost = 0.0
        self._plain = 0.0

    def is_due(self, step: int) -> bool:
        """Whether to look at this step; steps count from 1."""
        return step >= self._next

    def looked(self, step: int, cost: float, seconds: float) -> None:
        """After a look: what it cost, and what the whole step took, in seconds."""
        self._next = step + self._record_every
        if self._cap is None:
            return
        self._cost = _mean(self._cost, cost)
        self._plain = _mean(self._plain, max(seconds - cost, 0.0))
        if self._plain > 0:
            # n steps take n·plain + cost, of which cost is to be at most the cap
            needed = self._cost * (1 - self._cap) / (self._cap * self._plain)
            self._next = step + max(self._record_every, min(LONGEST, math.ceil(needed)))


def _mean(past: float, value: float) -> float:
    return value if past == 0 else MEMORY * past + (1 - MEMORY) * value
