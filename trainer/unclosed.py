"""Runs that nobody closed: they end as their program does, and a forked process lets them be."""

import atexit
import os
import sys
from collections.abc import Callable
from typing import Protocol


class Closable(Protocol):
    """A run.

    Attributes:
        earlier_error: What had gone wrong before, which is not this run's.
    """

    earlier_error: BaseException | None

    def close(self, error: BaseException | None = None) -> None:
        """End it; an error makes it a failed or a stopped one."""


_open: dict[Closable, Callable[[], None]] = {}
"""What was not closed yet, and what a forked process has to call."""


def opened(run: Closable, leave: Callable[[], None]) -> None:
    """A run is open; a forked process, whose run it is not, calls `leave`."""
    _open[run] = leave


def closed(run: Closable) -> None:
    """A run was closed."""
    _open.pop(run, None)


def last_error() -> BaseException | None:
    """The latest error that nobody caught; in a notebook, of any cell so far."""
    return getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)


def _close_all() -> None:
    """The program ends, and nobody closed its runs: they end as it does."""
    error = last_error()
    for run in list(_open):
        run.close(None if error is run.earlier_error else error)


def _leave_all() -> None:
    for leave in list(_open.values()):
        leave()
    _open.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
