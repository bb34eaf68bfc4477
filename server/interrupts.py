"""Ctrl-C and SIGTERM, wherever the process was started from."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Generator[None]:
    """Both signals raise KeyboardInterrupt inside.

    A shell without job control starts background jobs with SIGINT ignored, and Python then leaves
    it so: hence explicitly.
    """
    yield from _with_handler(_interrupt)


@contextmanager
def uninterrupted() -> Generator[None]:
    """Both signals do nothing inside: an end in good order that takes seconds at most."""
    yield from _with_handler(signal.SIG_IGN)


def _with_handler(handler: Any) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread has signals
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
