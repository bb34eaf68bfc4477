"""Whether the clock can be trusted to tell who is dead."""

import time
from datetime import datetime

from .lease import LEASE

JUMP_SECONDS = 5.0
GAP_SECONDS = 15.0


class Steadiness:
    """What is looked at before others are taken for dead by the age of their heartbeats.

    After a jump of the clock, a sleep of the machine or a time without the database everyone's last
    heartbeat looks old. Whoever is alive gives one within a lease; so long nobody is judged, nor at
    first: what was before is not known.
    """

    def __init__(self) -> None:
        self._seen: tuple[float, float] | None = None
        self._doubted = time.monotonic()

    def holds(self, stamp: datetime) -> bool:
        """Whether time went on evenly.

        Args:
            stamp: Now, by the clock that heartbeats are compared by.
        """
        now, wall = time.monotonic(), stamp.timestamp()
        if self._seen is not None:
            gone, by_clock = now - self._seen[0], wall - self._seen[1]
            if gone > GAP_SECONDS or abs(by_clock - gone) > JUMP_SECONDS:
                self._doubted = now
        self._seen = now, wall
        return now - self._doubted > LEASE.total_seconds()
