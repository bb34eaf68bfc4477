"""Which steps are looked at: all, every n-th, or as many as a cap on the cost allows."""

import time
from typing import Any

MEMORY = 0.9
"""Weight of the past in the running mean of what a look costs."""


class Cadence:
    """Decides step by step whether to look, from what looking has cost.

    Without a cap every `record_every`-th step is looked at. With a cap c a step is looked at only
    if, with what it will cost by the running mean, all looks together have taken at most c of the
    time since the first one, pauses aside. So an expensive first look is paid for as well.

    Args:
        record_every: Steps from one look to the next, at least.
        cap: Largest share of the training time that looking may take; None: any.
    """

    def __init__(self, record_every: int, cap: float | None) -> None:
        self._record_every = record_every
        self._cap = cap
        self._next = 1
        self._began: float | None = None
        self._spent = 0.0
        self._cost = 0.0
        self._decided = (0, False)

    def is_due(self, step: int) -> bool:
        """Whether to look at this step; steps count from 1. Asked again it answers the same."""
        if self._cap is None or self._began is None:
            return step >= self._next
        if self._decided[0] != step:
            elapsed = time.perf_counter() - self._began
            pays = self._spent + self._cost <= self._cap * elapsed
            self._decided = (step, step >= self._next and pays)
        return self._decided[1]

    def paused(self, seconds: float) -> None:
        """Training stood still for so long, not for a look: no time that looking may share in."""
        if self._began is not None:
            self._began += seconds

    def looked(self, step: int, cost: float, seconds: float) -> None:
        """After a look: what it cost, and what the whole step took without pauses, in seconds."""
        self._next = step + self._record_every
        if self._began is None:
            self._began = time.perf_counter() - seconds
            self._cost = cost
        self._spent += cost
        self._cost = MEMORY * self._cost + (1 - MEMORY) * cost

    def state_dict(self) -> dict[str, Any]:
        """When it looks next, and what looking has cost so far."""
        elapsed = None if self._began is None else time.perf_counter() - self._began
        return {"next": self._next, "elapsed": elapsed, "spent": self._spent, "cost": self._cost}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on as if no time had passed."""
        elapsed = state["elapsed"]
        self._began = None if elapsed is None else time.perf_counter() - elapsed
        self._next, self._spent, self._cost = state["next"], state["spent"], state["cost"]
