"""Findings: what the rules notice in a run's records, while they come or afterwards.

A fault has to last: a rule's number must be beyond its threshold for `patience` observations in a
row, and back within `release` of it for as many until the fault has passed. Of each rule, network
and layer there is one finding at most; a fault that comes back lengthens it. docs/findings.md
lists the rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..db.findings import Found
from ..db.rules import Diagnosis as Settings
from ..db.rules import RuleName
from .rules import NetworkFacts, Rule, Seen, rules
from .rules.rule import LOOKS, READ, Array
from .windows import NetworkRecords, Part, by_owner

Key = tuple[RuleName, int | None, int | None]
"""A rule, a network's number, a layer's."""
COLLAPSED = 0.1
"""Of its first std on the probe a unit has this part left, or less."""


@dataclass
class _Fault:
    """How far a rule has come with one layer, or with the network.

    Attributes:
        beyond: Observations in a row that are a fault.
        within: In a row that are none, since a finding began.
        since: The step at which the row began.
        worst: The worst of it: its value, first and last step.
        is_open: Whether a finding was raised, and lasts.
    """

    beyond: int = 0
    within: int = 0
    since: int = 0
    worst: tuple[float, int, int] = (0.0, 0, 0)
    is_open: bool = False


@dataclass
class Diagnosis:
    """The findings of one run.

    Attributes:
        networks: What is known of its networks, in order.
        settings: Which rules are silenced, and the thresholds that are not the rules' own.
        findings: What was found so far, by rule, network and layer.
    """

    networks: Sequence[NetworkFacts]
    settings: Settings = field(default_factory=Settings)
    findings: dict[Key, Found] = field(default_factory=dict[Key, Found])

    def __post_init__(self) -> None:
        silenced = set(self.settings.silenced)
        self._rules: dict[RuleName, Rule] = {
            name: rule for name, rule in rules().items() if name not in silenced
        }
        self._thresholds = self.settings.set_thresholds()
        self._records = {one.network_id: NetworkRecords(one) for one in self.networks}
        self._taken: dict[str, list[Part]] = {}
        self._first_std: dict[tuple[int, int], Array] = {}
        self._faults: dict[Key, _Fault] = {}
        self._offended: set[tuple[str, int]] = set()
        self._reached = 0

    def take(self, table: str, keys: Mapping[str, int], columns: Mapping[str, Any]) -> None:
        """Remember rows until the next look: this is all that the recording waits for."""
        if table in READ:
            self._taken.setdefault(table, []).append((keys, columns))

    def look(self, *, last: bool = False) -> bool:
        """Let the rules see what was taken; whether a finding is new or has changed."""
        before = dict(self.findings)
        taken, self._taken = self._taken, {}
        trained = self._sort_in(taken)
        with np.errstate(all="ignore"):
            for network_id, records in self._records.items():
                # a network that was frozen while others went on fills its window no more
                is_over = last or (bool(trained) and network_id not in trained)
                if (fresh := records.fresh()) is not None:
                    self._see_first(fresh)
                while (seen := records.windows(last=is_over)) is not None:
                    self._see(seen, ("layer_records", "network_records"), len(seen.steps))
                for table in LOOKS:
                    if (looks := records.looks(table, last=is_over)) is not None:
                        self._see(looks[0], (table,), looks[1])
        return self.findings != before

    def state_dict(self) -> dict[str, Any]:
        """What it remembers; what was taken and not looked at is not in it."""
        return {
            "records": {number: one.state_dict() for number, one in self._records.items()},
            "faults": {key: dict(vars(fault)) for key, fault in self._faults.items()},
            "findings": {key: dict(vars(found)) for key, found in self.findings.items()},
            "offended": sorted(self._offended),
            "reached": self._reached,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for number, records in self._records.items():
            records.load_state_dict(state["records"][number])
        self._faults = {key: _Fault(**fault) for key, fault in state["faults"].items()}
        self.findings = {key: Found(**found) for key, found in state["findings"].items()}
        self._offended = set(state["offended"])
        self._reached = state["reached"]

    def wait(self, seconds: float) -> bool:
        """Nothing was trained for so long, and the run goes on; whether that is a new finding."""
        rule, threshold = self._rules.get("stalled"), self._threshold("stalled")
        if rule is None or not seconds >= threshold or not self._reached:
            return False
        key: Key = ("stalled", None, None)
        known = self.findings.get(key)
        if known is not None and known.last_step == self._reached:
            return False  # told; how long it was, the next record will say
        self._keep(key, rule, (seconds, self._reached, self._reached), self._reached)
        return True

    def _sort_in(self, taken: Mapping[str, Sequence[Part]]) -> set[int]:
        """Hand rows to their networks; returns those of which training records came."""
        layers: dict[int, dict[int, Any]] = {}
        for (network_id, layer_id), block in by_owner(
            "layer_records", taken.get("layer_records", ())
        ).items():
            layers.setdefault(network_id, {})[layer_id or 0] = block
        trained = by_owner("network_records", taken.get("network_records", ()))
        for (network_id, _), block in trained.items():
            self._records[network_id].train(block, layers.get(network_id, {}))
            self._reached = max(self._reached, int(block.steps[-1]))
        for (network_id, _), block in by_owner("evaluations", taken.get("evaluations", ())).items():
            for row, step in enumerate(block.steps.tolist()):
                values = {name: _at(block.columns, name, row) for name in READ["evaluations"]}
                self._records[network_id].look("evaluations", step, values)
        self._sort_in_probe(taken.get("probe_records", ()))
        self._sort_in_units(taken.get("unit_records", ()))
        return {network_id for network_id, _ in trained}

    def _sort_in_probe(self, parts: Sequence[Part]) -> None:
        """One look for each step, of all layers of a network together."""
        found: dict[tuple[int, int], dict[int | None, Mapping[str, Array]]] = {}
        for (network_id, layer_id), block in by_owner("probe_records", parts).items():
            for row, step in enumerate(block.steps.tolist()):
                values = {name: _at(block.columns, name, row) for name in READ["probe_records"]}
                found.setdefault((network_id, step), {})[layer_id] = values
        nothing = dict.fromkeys(READ["probe_records"], np.array(np.nan))
        for (network_id, step), of_layers in found.items():
            records = self._records[network_id]
            rows = [of_layers.get(layer.layer_id, nothing) for layer in records.facts.layers]
            columns = {name: np.array([row[name] for row in rows]) for name in nothing}
            records.look("probe_records", step, columns)

    def _sort_in_units(self, parts: Sequence[Part]) -> None:
        """One look for each step: of each layer the share of units that hardly vary any longer."""
        found: dict[tuple[int, int], dict[int, float]] = {}
        for keys, columns in parts:
            owner = (keys["network_id"], keys["layer_id"])
            for step, packed in zip(columns["step"], columns["std"], strict=True):
                if packed is not None:
                    std = np.frombuffer(packed, "<f4")
                    first = self._first_std.setdefault(owner, std)
                    share = float(np.mean((first > 0) & (std <= COLLAPSED * first)))
                    found.setdefault((owner[0], int(step)), {})[owner[1]] = share
        for (network_id, step), of_layers in found.items():
            records = self._records[network_id]
            shares = [of_layers.get(layer.layer_id, np.nan) for layer in records.facts.layers]
            records.look("unit_records", step, {"collapsed": np.array(shares, float)})

    def _threshold(self, name: RuleName) -> float:
        return self._thresholds.get(name, rules()[name].threshold)

    def _see_first(self, seen: Seen) -> None:
        """Rules for what must never happen, of which the first time counts."""
        network_id = seen.facts.network_id
        for name, rule in self._rules.items():
            if rule.first is None or (name, network_id) in self._offended:
                continue
            offender = rule.first(seen)
            if offender is None:
                continue
            self._offended.add((name, network_id))
            layer = None if offender.layer is None else seen.facts.layers[offender.layer]
            key: Key = (name, network_id, None if layer is None else layer.layer_id)
            self.findings[key] = Found(
                rule=name,
                network_id=network_id,
                layer_id=key[2],
                first_step=offender.step,
                last_step=offender.step,
                severity=rule.severity,
                evidence_table=offender.table,
                statistic=offender.statistic,
                value=offender.value,
                threshold=0.0,
                evidence_first=offender.step,
                evidence_last=offender.step,
                sentence=rule.say(
                    offender.value,
                    0.0,
                    layer="The network" if layer is None else layer.name,
                    what=offender.what,
                ),
                why=rule.why,
                advice=rule.advice,
            )

    def _see(self, seen: Seen, tables: Sequence[str], new: int) -> None:
        is_first = seen.facts is self.networks[0]
        for name, rule in self._rules.items():
            if rule.measure is None or rule.table not in tables or (rule.of_run and not is_first):
                continue
            values = np.atleast_2d(rule.measure(seen))[:, -new:]
            of_layers = rule.table in ("layer_records", "probe_records", "unit_records")
            threshold = self._threshold(name)
            is_beyond = rule.is_beyond(values, threshold)
            lasts = rule.is_beyond(values, threshold, release=True)
            begins = seen.steps[:, 0] if rule.begins is None else rule.begins(seen)
            steps = list(zip(begins[-new:].tolist(), seen.steps[-new:, -1].tolist(), strict=True))
            network_id = None if rule.of_run else seen.facts.network_id
            for owner in range(len(values)):
                layer_id = seen.facts.layers[owner].layer_id if of_layers else None
                key: Key = (name, network_id, layer_id)
                if key in self._faults or is_beyond[owner].any():
                    self._follow(key, rule, values[owner], is_beyond[owner], lasts[owner], steps)

    def _follow(
        self,
        key: Key,
        rule: Rule,
        values: Array,
        is_beyond: Array,
        lasts: Array,
        steps: Sequence[tuple[int, int]],
    ) -> None:
        """One layer's observations in turn, each from its first to its last step."""
        fault = self._faults.setdefault(key, _Fault())
        for value, beyond, goes_on, at in zip(values, is_beyond, lasts, steps, strict=True):
            here = (float(value), *at)
            if not fault.is_open:
                if not beyond:
                    fault.beyond = 0
                    continue
                if fault.beyond == 0:
                    fault.since, fault.worst = here[1], here
                fault.beyond += 1
                fault.worst = _worse(rule, fault.worst, here)
                if fault.beyond < rule.patience:
                    continue
                fault.is_open, fault.within = True, 0
            elif goes_on:
                fault.within, fault.worst = 0, _worse(rule, fault.worst, here)
            else:
                fault.within += 1
                if fault.within >= rule.patience:
                    fault.is_open, fault.beyond = False, 0
                continue
            self._keep(key, rule, fault.worst, here[2], since=fault.since)

    def _keep(
        self,
        key: Key,
        rule: Rule,
        worst: tuple[float, int, int],
        last_step: int,
        since: int | None = None,
    ) -> None:
        """Raise a finding, or lengthen it."""
        name, network_id, layer_id = key
        known = self.findings.get(key)
        if known is not None:
            before = (known.value, known.evidence_first, known.evidence_last)
            worst = _worse(rule, before, worst)
            if worst == before:
                self.findings[key] = replace(known, last_step=last_step)
                return
        value, evidence_first, evidence_last = worst
        threshold = self._threshold(name)
        self.findings[key] = Found(
            rule=name,
            network_id=network_id,
            layer_id=layer_id,
            first_step=known.first_step if known else evidence_first if since is None else since,
            last_step=last_step,
            severity=rule.severity,
            evidence_table=rule.table,
            statistic=rule.statistic,
            value=value,
            threshold=threshold,
            evidence_first=evidence_first,
            evidence_last=evidence_last,
            sentence=rule.say(value, threshold, **self._words(network_id, layer_id, value)),
            why=rule.why,
            advice=rule.advice,
        )

    def _words(self, network_id: int | None, layer_id: int | None, value: float) -> dict[str, str]:
        """The layer, how many units it has, and to how many a share of them comes."""
        layers = () if network_id is None else self._records[network_id].facts.layers
        for layer in layers:
            if layer.layer_id == layer_id:
                count = round(value * layer.units) if 0 <= value <= 1 else 0
                return {"layer": layer.name, "units": f"{layer.units:,}", "count": f"{count:,}"}
        return {"layer": ""}


def _worse(
    rule: Rule, one: tuple[float, int, int], other: tuple[float, int, int]
) -> tuple[float, int, int]:
    """The worse of two observations; the earlier where they are equal."""
    is_worse = other[0] < one[0] if rule.below else other[0] > one[0]
    return other if is_worse else one


def _at(columns: Mapping[str, Array], name: str, row: int) -> Array:
    """One number of a column, which may not be there."""
    return columns[name][row] if name in columns else np.array(np.nan)
