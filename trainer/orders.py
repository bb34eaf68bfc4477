"""Numbers of runs that are asked for by standard input."""

import queue
import threading
from collections.abc import Iterable


class Orders:
    """Run numbers, one a line, from a stream that is read in the background until it is closed."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._numbers: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self.is_closed = False
        threading.Thread(target=self._read, args=(lines,), name="orders", daemon=True).start()

    def next(self) -> int | None:
        """The next number; None where none has come yet, or none will: then `is_closed`."""
        try:
            number = self._numbers.get_nowait()
        except queue.Empty:
            return None
        self.is_closed = number is None
        return number

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._numbers.put(int(line))
        self._numbers.put(None)
