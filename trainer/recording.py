"""One run's records on their way into the database: its tracks, its speed, its summary."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import Engine

from ..db.errors import CannotResume
from ..db.tables import Status
from ..db.write import Column, RecordWriter, add_networks, known_networks
from .diagnosing import RunFindings
from .plan import Plan
from .records import LayerTrack, NetworkSlots, NetworkTrack, layer_records, network_records
from .ring import Measured, Part, SharedMemory
from .state import State

RATE_SECONDS = 5.0
STEADY_STEPS = 200
"""The first steps are slowed by frequent evaluations and say little of the speed."""


class RunRecording:
    """Turns parts of the ring into rows, and commits them.

    Attributes:
        findings: What the rules find in what is recorded.
        has_news: Whether a part came since the last commit.
        step: The latest one that is complete, its evaluation included; at the end the last one.
    """

    def __init__(
        self,
        engine: Engine,
        run_id: int,
        memory: SharedMemory,
        plan: Plan,
        *,
        start: int | None = None,
        resumed: State = None,
    ) -> None:
        """Stores the run's networks and layers, unless they are there since an earlier start.

        Args:
            engine: The database.
            run_id: The run.
            memory: Where the ring lies.
            plan: What it holds.
            start: Which start of the run it is; None: nobody else records it.
            resumed: What `state_dict` was when the checkpoint was made that the run goes on from.

        Raises:
            CannotResume: The networks that are there are others, or none.
        """
        self._run_id = run_id
        self._stacks = plan.stacks
        self._stretches = memory.open(plan)
        self.findings = RunFindings(engine, run_id)
        self._writer = RecordWriter(engine, run_id, self.findings.take, start)
        self._networks, are_known = _tracks(engine, run_id, plan)
        self.step = self._reached = 0
        self._rates: list[tuple[float, int]] = [(0.0, 0)]
        """Seconds since training began with the step reached: the start, then the latest ones."""
        self._last: Part | None = None
        self._before = 0.0
        """Seconds of training before the checkpoint that the run went on from."""
        self.has_news = True
        if resumed is not None:
            if not are_known:
                raise CannotResume("The database does not hold what the checkpoint goes on from.")
            self._go_on(resumed)
        elif are_known:
            self._writer.write_over(-1)

    def add(self, part: Part) -> int | None:
        """Queue the records of some slots; returns the stretch that is free again, if one is."""
        slots = slice(part.start, part.start + len(part.steps))
        steps = np.array(part.steps, np.int64)
        if part.stretch is not None and len(steps):
            stretch = self._stretches[part.stretch]
            networks: list[NetworkSlots] = []
            for stack, room in zip(self._stacks, stretch.stacks, strict=True):
                networks += [
                    NetworkSlots(self._networks[position], room, slots)
                    for position in stack.positions
                    if part.active[position]
                ]
            for network in networks:
                records = network_records(network, steps, part.seconds)
                self._writer.add(*records)
            for records in layer_records(networks, steps, part.irregular):
                self._writer.add(*records)
        for position, step, values in part.evaluations:
            track = self._networks[position]
            self._writer.add(
                "evaluations",
                {"network_id": track.network_id},
                {"step": [step]} | {name: [value] for name, value in values.items()},
            )
            accuracy = values["test_accuracy"]
            if accuracy is not None and math.isfinite(accuracy):
                track.accuracies.append(accuracy)
        for position, step, layers in part.probes:
            track = self._networks[position]
            for layer, (statistics, arrays) in zip(track.layers, layers, strict=True):
                keys = {"network_id": track.network_id, "layer_id": layer.layer_id}
                numbers = {name: [value] for name, value in statistics.items()}
                self._writer.add("probe_records", keys, {"step": [step]} | numbers)
                self._writer.add("unit_records", keys, {"step": [step]} | _decoded(arrays))
        for seed, step, values in part.ensembles:
            keys = {"run_id": self._run_id, "seed": seed}
            numbers = {name: [value] for name, value in values.items()}
            self._writer.add("ensemble_records", keys, {"step": [step]} | numbers)
        for measured in part.measured:
            self._add_measured(measured)
        for position, diverged_step, frozen_step in part.frozen:
            self._writer.freeze(self._networks[position].network_id, diverged_step, frozen_step)
        self.step = max(self.step, part.step)
        self._reached = max(self._reached, part.reached)
        self._last, self.has_news = part, True
        return part.stretch if part.releases else None

    def commit(self, *, last: bool) -> Status:
        """Commit with the speed of the last seconds or, at the end, of the whole run.

        Raises:
            sqlalchemy.exc.OperationalError: The database does not take it now; call again.
        """
        until = self._last.cost.elapsed if self._last is not None else self._before
        reached = self._reached
        if last:  # nothing more can come, even if training was killed in mid-evaluation
            self.step = reached
        recent = [rate for rate in self._rates[1:] if until - RATE_SECONDS < rate[0] < until]
        self._rates = [self._rates[0], *recent, (until, reached)]
        since, begun = self._rates[0] if last else self._rates[min(1, len(recent))]
        run: dict[str, Any] = {"summary": self._summary()} | self._cost()
        if reached > begun and (last or reached >= STEADY_STEPS or until - since > RATE_SECONDS):
            run["steps_per_second"] = (reached - begun) / (until - since)
        status = self._writer.commit(self.step, **run)
        self.has_news = False
        return status

    def state_dict(self) -> dict[str, Any]:
        """What the records of later steps depend on, once all was committed and looked at."""
        return {
            "reached": self._reached,
            "elapsed": self._before if self._last is None else self._last.cost.elapsed,
            "networks": [
                {
                    "accuracies": list(network.accuracies),
                    "layers": [
                        (layer.first, layer.latest, layer.signal.state_dict())
                        for layer in network.layers
                    ],
                }
                for network in self._networks
            ],
            "writer": self._writer.state_dict(),
            "findings": self.findings.state_dict(),
        }

    def _go_on(self, state: State) -> None:
        """Later records that are stored already are written over."""
        self.step = self._reached = state["reached"]
        self._before = state["elapsed"]
        for network, known in zip(self._networks, state["networks"], strict=True):
            network.accuracies = known["accuracies"]
            for layer, of_layer in zip(network.layers, known["layers"], strict=True):
                layer.first, layer.latest, signal = of_layer
                layer.signal.load_state_dict(signal)
        self._writer.write_over(self._reached)
        self._writer.load_state_dict(state["writer"])
        self.findings.load_state_dict(state["findings"])

    def _add_measured(self, measured: Measured) -> None:
        position, step, shifts, landscape = measured
        track = self._networks[position]
        keys = {"network_id": track.network_id}
        if shifts is not None:
            for layer, shift in zip(track.layers, shifts, strict=True):
                values = {f"shift_{name}": [value] for name, value in (shift or {}).items()}
                of_layer = keys | {"layer_id": layer.layer_id}
                self._writer.add("gradient_shift_records", of_layer, {"step": [step]} | values)
        if landscape is not None:
            values = {name: [value] for name, value in landscape.items()}
            self._writer.add("landscape_records", keys, {"step": [step]} | values)

    def _cost(self) -> dict[str, Any]:
        if self._last is None:
            return {}
        cost = self._last.cost
        found: dict[str, Any] = {"looked": cost.looked, "waited": cost.waited}
        found["measured"] = cost.measured
        if cost.elapsed > 0:
            found["overhead"] = cost.overhead
        return found

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


def _decoded(arrays: Mapping[str, str | None]) -> dict[str, Column]:
    return {
        name: [None if text is None else base64.b64decode(text)] for name, text in arrays.items()
    }


def _tracks(engine: Engine, run_id: int, plan: Plan) -> tuple[list[NetworkTrack], bool]:
    """One for each network, by its position in the run, and whether they were stored before."""
    places = sorted(
        (position, stack, place)
        for stack, planned in enumerate(plan.stacks)
        for place, position in enumerate(planned.positions)
    )
    rows = [
        (plan.stacks[stack].networks[place], [layer.row() for layer in plan.stacks[stack].layers])
        for _, stack, place in places
    ]
    known = known_networks(engine, run_id, rows)
    numbers = known or add_networks(engine, run_id, rows)
    tracks = [
        NetworkTrack(
            network_id,
            position,
            rows[position][0]["arm"],
            plan.stacks[stack],
            place,
            [
                LayerTrack(layer_id, layer)
                for layer_id, layer in zip(layer_ids, plan.stacks[stack].layers, strict=True)
            ],
        )
        for (position, stack, place), (network_id, layer_ids) in zip(places, numbers, strict=True)
    ]
    return tracks, bool(known)
