"""Clients that watch one run, many in a process, and hold each frame against what it should be."""

import asyncio
import json
import random
import struct
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PAUSES = (0.4, 3.0)
"""Seconds until a lost connection is tried again, at first and at most, as in web/live.js."""


@dataclass
class Watcher:
    """One client, and what it saw.

    Attributes:
        latest: The last step that it has.
        seen: Of each frame the last step, and when it came, in seconds since 1970.
        faults: Where steps were missing or came again.
        opened: How often it connected.
    """

    latest: int = 0
    seen: list[tuple[int, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    opened: int = 0

    def take(self, frame: bytes, at: float) -> None:
        """Take in a frame."""
        (length,) = struct.unpack_from("<I", frame)
        header = json.loads(frame[4 : 4 + length])
        numbers = np.frombuffer(frame, "<f8", offset=4 + length)
        for series in header["series"]:
            columns = numbers[: series["rows"] * len(series["columns"])]
            numbers = numbers[columns.size :]
            self._check(series, columns.reshape(len(series["columns"]), -1), header["latest"])
        self.latest = header["latest"]
        self.seen.append((self.latest, at))

    def _check(self, series: dict[str, Any], columns: np.ndarray, latest: int) -> None:
        """Every step since the last frame is there once; a bucket that was incomplete is whole."""
        width, first = series["width"], series["first"]
        step, last = columns[0], columns[0 if width == 1 else 1]
        due = self.latest + 1 if self.seen else 0
        is_whole = (
            first == due // width * width
            and step.size > 0
            and step[0] == max(first, 1)
            and last[-1] == latest
            and np.array_equal(step[1:], last[:-1] + 1)
        )
        if not is_whole:
            self.faults.append(f"after step {self.latest}: {series['rows']} rows from {first} on")


def watch(address: str, asked: dict[str, Any], clients: int, until: float) -> list[Watcher]:
    """Watch with many clients until a time, in seconds since 1970; gives what they saw."""
    watchers = [Watcher() for _ in range(clients)]

    async def all_of_them() -> None:
        try:
            async with asyncio.timeout(until - time.time()):
                await asyncio.gather(*(_watch(address, asked, watcher) for watcher in watchers))
        except TimeoutError:
            pass

    asyncio.run(all_of_them())
    return watchers


async def _watch(address: str, asked: dict[str, Any], watcher: Watcher) -> None:
    """As web/live.js does: connect again and again, and ask for what comes after the cursor."""
    url = address.replace("http", "ws", 1) + "/api/live"
    failures = 0
    while True:
        try:
            async with connect(url, compression=None, max_size=None) as socket:
                failures = 0
                watcher.opened += 1
                await socket.send(json.dumps(asked | {"after": watcher.latest}))
                async for message in socket:
                    if isinstance(message, bytes):
                        watcher.take(message, time.time())
        except (OSError, WebSocketException):
            pass
        first, longest = PAUSES
        await asyncio.sleep(min(longest, first * 2**failures) * random.uniform(0.5, 1))
        failures += 1
