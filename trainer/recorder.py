"""Ring → rows: a thread that finishes statistics and commits about four times a second."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sqlalchemy.exc import OperationalError

from ..db.tables import Status
from ..db.write import RecordWriter
from .records import NetworkTrack, Watched, layer_records, network_records
from .ring import Part, Ring

COMMIT_SECONDS = 0.25
RATE_SECONDS = 5.0
STEADY_STEPS = 200
"""The first steps are slowed by frequent evaluations and say little of the speed."""
RETRY_SECONDS = 60.0
STOP_RETRY_SECONDS = 2.0
logger = logging.getLogger(__name__)


class Recorder:
    """Takes parts off the ring until `finish`; statistics, rows and commits happen here.

    Args:
        ring: Where the parts come from.
        writer: Where the rows go.
        networks: One track for each network of the ring, in its order.
        on_status: Called with the run's status after each commit.
        stop: Set when the run is to end: then a failing database is not waited for long.
    """

    def __init__(
        self,
        ring: Ring,
        writer: RecordWriter,
        networks: Sequence[NetworkTrack],
        on_status: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._ring = ring
        self._writer = writer
        self._networks = networks
        self._on_status = on_status
        self._stop = stop
        self._finishing = threading.Event()
        self._step = 0
        self._rates: list[tuple[float, int]] = []
        """Moments with the step reached: the start, then those of the last seconds."""
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="recorder")
        self._thread.start()

    @property
    def broken(self) -> bool:
        """Whether recording ended early, with `error`; the loop should end too."""
        return self.error is not None

    def finish(self) -> None:
        """Record what was handed over, commit it and end.

        Raises:
            Exception: Whatever kept the recorder from writing.
        """
        self._finishing.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self._record()
        except BaseException as error:
            self.error = error

    def _record(self) -> None:
        self._rates.append((time.monotonic(), 0))
        committed = time.monotonic()
        while True:
            finishing = self._finishing.is_set()
            part = self._ring.take_full(timeout=0.02 if finishing else COMMIT_SECONDS / 2)
            if part is not None:
                self._add(part)
            now = time.monotonic()
            if now - committed >= COMMIT_SECONDS or (finishing and part is None):
                self._commit(now, last=finishing and part is None)
                committed = now
            if finishing and part is None:
                return

    def _commit(self, now: float, *, last: bool) -> None:
        """Commit with the speed of the last seconds or, at the end, of the whole run."""
        recent = [rate for rate in self._rates[1:] if now - rate[0] < RATE_SECONDS]
        self._rates = [self._rates[0], *recent, (now, self._step)]
        since, begun = self._rates[0] if last else self._rates[min(1, len(recent))]
        until, reached = self._rates[-1]
        run: dict[str, Any] = {"summary": self._summary()}
        if reached > begun and (last or reached >= STEADY_STEPS or until - since > RATE_SECONDS):
            run["steps_per_second"] = (reached - begun) / (until - since)
        self._on_status(self._persist(run))

    def _persist(self, run: dict[str, Any]) -> Status:
        """Commit; while the database does not take it, try again. The ring holds the loop back."""
        began = time.monotonic()
        warned = False
        while True:
            try:
                return self._writer.commit(self._step, **run)
            except OperationalError as error:
                patience = STOP_RETRY_SECONDS if self._stop.is_set() else RETRY_SECONDS
                if time.monotonic() - began > patience:
                    raise
                if not warned:
                    logger.warning("The database does not take the records (%s); trying again.",
                                   error.orig)  # fmt: skip
                warned = True
                time.sleep(COMMIT_SECONDS)

    def _summary(self) -> dict[str, dict[str, float]]:
        """By arm the last and the best test accuracy, each the mean over the seeds."""
        arms: dict[str, list[NetworkTrack]] = {}
        for network in self._networks:
            if network.accuracies:
                arms.setdefault(network.arm, []).append(network)
        return {
            arm: {
                "last_accuracy": float(np.mean([n.accuracies[-1] for n in networks])),
                "best_accuracy": float(np.mean([max(n.accuracies) for n in networks])),
            }
            for arm, networks in arms.items()
        }

    def _add(self, part: Part) -> None:
        slots = slice(part.start, part.stop)
        steps = np.array(part.stretch.steps[slots], np.int64)
        if len(steps):
            norms = part.stretch.norms[slots].cpu().numpy().astype(np.float64)
            seconds = part.stretch.seconds[slots]
            watched = [
                Watched(track, room, slots, norms)
                for track, room, active in zip(
                    self._networks, part.stretch.networks, part.active, strict=True
                )
                if active
            ]
            labels = [tensor[slots].cpu().numpy() for tensor in part.stretch.labels]
            for network in watched:
                self._writer.add(*network_records(network, steps, labels, seconds))
            for records in layer_records(watched, steps):
                self._writer.add(*records)
        for index, step, values in part.evaluations:
            track = self._networks[index]
            self._writer.add(
                "evaluations",
                {"network_id": track.network_id},
                {"step": [step]} | {name: [value] for name, value in values.items()},
            )
            track.accuracies.append(values["test_accuracy"] or 0.0)
        for index, diverged_step, frozen_step in part.frozen:
            self._writer.freeze(self._networks[index].network_id, diverged_step, frozen_step)
        self._step = max(self._step, part.step)
        if part.releases:
            self._ring.release(part.stretch)
