"""Whether the clock can be trusted to tell who is dead."""

import time
from datetime import datetime

from ..db.lease import LEASE

JUMP_SECONDS = 5.0
GAP_SECONDS = 15.0


class Steadiness:
    """What a worker looks at before it takes others for dead by the age of their heartbeats.

    After a jump of the clock, a sleep of the machine or a time without the database everyone's last
    heartbeat looks old. Whoever is alive gives one within a lease; so long nobody is judged.
    """

    def __init__(self) -> None:
        self._seen: tuple[float, float] | None = None
        self._doubted = -float("inf")

    def holds(self, stamp: datetime) -> bool:
        """Whether time went on evenly.

        Args:
            stamp: That of this worker's latest heartbeat, by the clock that they are compared by.
        """
        now, wall = time.monotonic(), stamp.timestamp()
        if self._seen is not None:
            gone, by_clock = now - self._seen[0], wall - self._seen[1]
            if gone > GAP_SECONDS or abs(by_clock - gone) > JUMP_SECONDS:
                self._doubted = now
        self._seen = now, wall
        return now - self._doubted > LEASE.total_seconds()
