"""Ring → rows: a thread that finishes statistics and commits about four times a second."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ..db.write import RecordWriter
from . import statistics
from .ring import NetworkSlots, Part, Ring
from .shift import shift

COMMIT_SECONDS = 0.25
RATE_SECONDS = 5.0


@dataclass
class LayerTrack:
    """A layer's number in the database, what is needed to finish its records, and its past."""

    layer_id: int
    activation: str
    epsilon: float | None
    """BatchNorm's ε; None without BatchNorm."""
    first: tuple[np.ndarray, np.ndarray] | None = None
    """Sorted values (1, m) and std (1,) of the first record."""
    previous: tuple[np.ndarray, np.ndarray] | None = None
    """The same of the latest record."""


@dataclass
class NetworkTrack:
    """What the recorder knows of one network."""

    network_id: int
    arm: str
    seed_index: int
    lr: float
    layers: list[LayerTrack]
    weight_gradients: Sequence[int]
    accuracies: list[float] = field(default_factory=list)
    """Test accuracies so far."""


class Recorder:
    """Takes parts off the ring until `finish`; statistics, rows and commits happen here.

    Args:
        ring: Where the parts come from.
        writer: Where the rows go.
        networks: One track for each network of the ring, in its order.
        on_status: Called with the run's status after each commit; this is how a stop arrives.
    """

    def __init__(
        self,
        ring: Ring,
        writer: RecordWriter,
        networks: Sequence[NetworkTrack],
        on_status: Callable[[str], None],
    ) -> None:
        self._ring = ring
        self._writer = writer
        self._networks = networks
        self._on_status = on_status
        self._finishing = threading.Event()
        self._step = 0
        self._rates: list[tuple[float, int]] = []
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
                self._commit(now)
                committed = now
            if finishing and part is None:
                return

    def _commit(self, now: float) -> None:
        self._rates = [*(r for r in self._rates if now - r[0] < RATE_SECONDS), (now, self._step)]
        (since, begun), (until, reached) = self._rates[0], self._rates[-1]
        run = {"summary": self._summary()}
        if reached > begun:
            run["steps_per_second"] = (reached - begun) / (until - since)
        self._on_status(self._writer.commit(self._step, **run))

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
        labels = [_numpy(tensor[slots]) for tensor in part.stretch.labels]
        for track, room, active in zip(
            self._networks, part.stretch.networks, part.active, strict=True
        ):
            if active and len(steps):
                self._add_network(track, room, slots, steps, labels[track.seed_index])
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

    def _add_network(
        self,
        track: NetworkTrack,
        room: NetworkSlots,
        slots: slice,
        steps: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        norms = _numpy(room.norms[slots])
        layers = len(track.layers)
        gradients = norms[:, 3 * layers :]
        batch_norm = 0
        for index, layer in enumerate(track.layers):
            z = _numpy(room.preactivations[index][slots])
            columns, ordered = statistics.preactivation(z, layer.activation)
            columns["activation_grad_norm"] = norms[:, index]
            columns["weight_grad_norm"] = gradients[:, track.weight_gradients[index]]
            columns["weight_norm"] = norms[:, layers + index]
            with np.errstate(all="ignore"):
                columns["update_ratio"] = norms[:, 2 * layers + index] / columns["weight_norm"]
            if layer.epsilon is not None:
                columns |= statistics.drift(
                    _numpy(room.norm_inputs[batch_norm][slots]),
                    _numpy(room.running_means[batch_norm][slots]),
                    _numpy(room.running_vars[batch_norm][slots]),
                    layer.epsilon,
                )
                columns |= statistics.affine(
                    _numpy(room.gammas[batch_norm][slots]), _numpy(room.betas[batch_norm][slots])
                )
                batch_norm += 1
            self._add_layer(track.network_id, layer, steps, columns, ordered)
        with np.errstate(all="ignore"):
            grad_norm = np.sqrt(np.sum(gradients**2, axis=1))
        logits = _numpy(room.preactivations[-1][slots])
        self._writer.add(
            "network_records",
            {"network_id": track.network_id},
            {
                "step": steps,
                "loss": _numpy(room.loss[slots]),
                "accuracy": statistics.accuracy(logits, labels),
                "grad_norm": grad_norm,
                "lr": np.full(len(steps), track.lr),
                "seconds": room.seconds[slots],
            },
        )

    def _add_layer(
        self,
        network_id: int,
        layer: LayerTrack,
        steps: np.ndarray,
        columns: statistics.Columns,
        ordered: np.ndarray,
    ) -> None:
        keys = {"network_id": network_id, "layer_id": layer.layer_id}
        std = columns["std"]
        if layer.first is None or layer.previous is None:
            # Nothing came before the first record: its shift_w1 does not apply.
            layer.first = layer.previous = (ordered[:1].copy(), std[:1])
            alone = {name: column[:1] for name, column in columns.items()}
            alone["shift_from_start"] = shift(ordered[:1], std[:1], *layer.first)
            self._writer.add("layer_records", keys, {"step": steps[:1], **alone})
            columns = {name: column[1:] for name, column in columns.items()}
            steps, ordered, std = steps[1:], ordered[1:], std[1:]
            if len(steps) == 0:
                return
        before = np.concatenate([layer.previous[0], ordered[:-1]])
        before_std = np.concatenate([layer.previous[1], std[:-1]])
        columns["shift_w1"] = shift(ordered, std, before, before_std)
        columns["shift_from_start"] = shift(ordered, std, *layer.first)
        layer.previous = (ordered[-1:].copy(), std[-1:])
        self._writer.add("layer_records", keys, {"step": steps, **columns})


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
