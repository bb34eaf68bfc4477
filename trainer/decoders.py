"""The processes that decode images, at this end: one for each core."""

import contextlib
import pickle
import queue
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..db.errors import DatasetProblem
from .decoding import MOST_PIXELS, Decoded, Source, decode_all, too_large
from .devices import cores

PROGRAM = [sys.executable, "-P", "-m", f"{__package__}.decoding"]
AT_ONCE = 100
"""Images in a question. So few are decoded sooner than a process starts."""
BROKEN_OFF = "its decoder ended without a word"
ENDINGS_BORNE = 50
"""Of one process. More are no fault of the images."""


class Decoder:
    """One process, which is started again when an image was the end of it."""

    def __init__(self, size: int, *, gray: bool) -> None:
        self._size, self._gray = size, gray
        self._closed = False
        self._endings = 0
        self._process = self._start()

    def decode(self, sources: Sequence[Source], most: int) -> list[Decoded]:
        """As `decode_all`. Images that end the process are found by halving.

        Raises:
            DatasetProblem: It ends again and again.
        """
        try:
            assert self._process.stdin and self._process.stdout
            pickle.dump((sources, self._size, self._gray, most), self._process.stdin)
            self._process.stdin.flush()
            return pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            if self._closed:
                raise
            self._end()
            self._endings += 1
            if self._endings > ENDINGS_BORNE:
                raise DatasetProblem(
                    "The processes that decode images end again and again; the worker's terminal "
                    "may say why. The machine may be out of memory."
                ) from None
            self._process = self._start()
            if len(sources) == 1:
                return [BROKEN_OFF]
            middle = len(sources) // 2
            return self.decode(sources[:middle], most) + self.decode(sources[middle:], most)

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was not sent has nobody to go to
                if pipe:
                    pipe.close()


def decode_into(
    images: np.ndarray,
    sources: Sequence[Source],
    *,
    gray: bool,
    room: int = MOST_PIXELS,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[int, str]:
    """Decode all sources; those that are too large for it side by side are, one after the other.

    Args:
        images: uint8, (sources, size, size, 3), or without the last where `gray`; filled.
        sources: The files.
        gray: Whether to turn colour into gray.
        room: So many pixels may be in memory at once, of all processes together.
        progress: Told how many are done.

    Returns:
        Why there is no image, by the index of its source.
    """
    size = images.shape[1]
    parts = [range(len(sources))[i : i + AT_ONCE] for i in range(0, len(sources), AT_ONCE)]
    broken: dict[int, str] = {}
    alone = min(room, MOST_PIXELS)

    def put(part: range, found: Sequence[Decoded]) -> None:
        for index, each in zip(part, found, strict=True):
            if isinstance(each, str):
                broken[index] = each
            else:
                images[index] = each

    if len(parts) < 2:
        for part in parts:
            put(part, decode_all([sources[i] for i in part], size, gray=gray, most=alone))
        return broken
    decoders = [Decoder(size, gray=gray) for _ in range(min(cores(), len(parts)))]
    beside = min(room // len(decoders), alone)
    free: queue.SimpleQueue[Decoder] = queue.SimpleQueue()
    for decoder in decoders:
        free.put(decoder)

    def ask(part: range) -> None:
        decoder = free.get()
        try:
            put(part, decoder.decode([sources[i] for i in part], beside))
        finally:
            free.put(decoder)

    with ThreadPoolExecutor(len(decoders), "decoding") as threads:
        try:
            asked = [threads.submit(ask, part) for part in parts]
            for part, done in zip(parts, asked, strict=True):
                done.result()
                progress(part.stop)
            for index in [i for i, why in broken.items() if why == too_large(beside)]:
                del broken[index]
                found = decoders[0].decode([sources[index]], alone)
                put(range(index, index + 1), found)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for decoder in decoders:
                decoder.close()
    return dict(sorted(broken.items()))
