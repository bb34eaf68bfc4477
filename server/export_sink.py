"""What writers of binary files write into, to be taken out and sent on piece by piece."""

import io
from typing import Any


class Sink(io.RawIOBase):
    """A file that can't be sought in and keeps only what was not taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Keep a copy until it is taken."""
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        """Bytes written since the beginning."""
        return self._length

    def take(self) -> bytes:
        """What was written since the last call."""
        taken, self._parts = b"".join(self._parts), []
        return taken
