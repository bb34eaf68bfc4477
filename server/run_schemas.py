"""Runs with their networks and layers, as the HTTP interface shows and takes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from ..db import catalog, edit, tables
from ..db.datasets import TRAINING_SETS
from ..db.document import Name
from ..db.experiment import Experiment
from ..db.study import Study
from .openapi import ModelOf
from .schemas import Asked, Document, Public, Real


class RunPublic(Public):
    """One run, without its experiment or study or what it watches."""

    id: int
    name: str
    source: tables.Source
    catalog_entry: str | None
    sweep_id: int | None
    status: tables.Status
    dataset: str | None
    network: str | None
    norms: list[str]
    lr: Real | None
    arms: list[str]
    seeds: list[int]
    step: int
    steps: int | None
    looked: int | None
    diagnosed: int | None
    overhead: Real | None
    waited: Real | None
    measured: Real | None
    steps_per_second: Real | None
    summary: Document
    ratio: Real | None
    duration: Real | None
    device: str | None
    versions: dict[str, str] | None
    phase: str | None
    checkpoint_step: int | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stop_asked_at: datetime | None
    tags: list[str]
    note: str
    archived: bool
    deleted_at: datetime | None
    edited_at: datetime | None


class LayerPublic(Public):
    """One observed block of a network."""

    id: int
    name: str
    kind: str
    norm: str
    activation: str
    units: int
    elements: int | None
    sampled: int | None


class NetworkPublic(Public):
    """One arm trained with one seed."""

    id: int
    arm: str
    seed: int
    parameters: int
    weights_hash: str
    diverged_step: int | None
    frozen_step: int | None
    layers: list[LayerPublic]


class RunDetailPublic(RunPublic):
    """One run with what it does and, once training has begun, its networks."""

    batch_size: int | None
    """Examples of a step; null where nobody knows."""
    training_examples: int | None
    """Examples of an epoch; likewise."""
    experiment: dict[str, Any] | None
    study: dict[str, Any] | None
    watched: Document | None
    imported: Document | None
    networks: list[NetworkPublic]


def _name_entries(schema: dict[str, Any]) -> None:
    schema["enum"] = [entry.name for entry in catalog.entries()]


EntryName = Annotated[str, Field(json_schema_extra=_name_entries)]
"""Of an entry of the catalog."""


def _either(schema: dict[str, Any]) -> None:
    """Say in JSON Schema that the one is there and the other is not, or null."""
    kinds: dict[str, Any] = {}
    for kind in ("experiment", "study"):
        document, null = schema["properties"].pop(kind)["anyOf"]
        kinds[kind] = document, null
    own = schema.pop("properties")
    schema["anyOf"] = [
        {
            "type": "object",
            "properties": {kind: document, other: null, **own},
            "required": [kind],
            "additionalProperties": False,
        }
        for kind, other in (("experiment", "study"), ("study", "experiment"))
        for document, null in [kinds[kind]]
    ]
    del schema["type"], schema["additionalProperties"]
    schema["examples"] = [{"experiment": {"name": "Digits", "dataset": "digits", "steps": 200}}]


class RunCreate(Asked):
    """An experiment or a study to check or to run, and the catalog entry that it came from."""

    model_config = ConfigDict(json_schema_extra=_either)

    experiment: Annotated[dict[str, Any], ModelOf(Experiment)] | None = None
    study: Annotated[dict[str, Any], ModelOf(Study)] | None = None
    catalog_entry: EntryName | None = None


class RunEdit(Asked):
    """What a person changes of a run; what is left out or null stays."""

    name: Name | None = None
    tags: edit.Tags | None = None
    note: edit.Note | None = None
    archived: bool | None = None


def run_public(run: tables.Run) -> RunPublic:
    """A run's row as the interface shows it."""
    return RunPublic.model_validate(_fields(run))


def run_detail_public(run: tables.Run, networks: list[NetworkPublic]) -> RunDetailPublic:
    """A run's row with what it does and its networks."""
    examples = {"batch_size": _batch_size(run), "training_examples": _training_examples(run)}
    fields = {"imported": None} | _fields(run) | examples | {"networks": networks}
    return RunDetailPublic.model_validate(fields)


def _fields(run: tables.Run) -> dict[str, Any]:
    experiment, watched = run.experiment, run.watched
    if run.study is not None:
        return columns_of(run) | {"arms": [], "seeds": run.study["seeds"]}
    if run.source == "import":
        seeds = (watched or {}).get("seeds", [0])
        return columns_of(run) | {"arms": [], "seeds": seeds, "watched": None, "imported": watched}
    if experiment is None:  # a watched run: one network an arm
        arms: list[str] = (watched or {}).get("arms", [])
        return columns_of(run) | {"arms": arms, "seeds": [0]}
    return columns_of(run) | {
        "arms": [arm["name"] for arm in experiment["arms"]],
        "seeds": experiment["seeds"],
    }


def _batch_size(run: tables.Run) -> int | None:
    """What the experiment says, or a watched program of itself."""
    document = run.experiment or (run.watched or {}).get("settings", {})
    found = document.get("batch_size")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def _training_examples(run: tables.Run) -> int | None:
    if run.experiment is None:
        return None
    return run.experiment.get("train_examples") or TRAINING_SETS.get(run.experiment["dataset"])


def networks_public(
    networks: Sequence[tables.Network], layers: Sequence[tables.Layer]
) -> list[NetworkPublic]:
    """The networks of a run, each with its layers."""
    of_network: dict[int, list[tables.Layer]] = {network.id: [] for network in networks}
    for layer in layers:
        if layer.network_id in of_network:  # else it came after its network was asked for
            of_network[layer.network_id].append(layer)
    return [
        NetworkPublic.model_validate(columns_of(network) | {"layers": of_network[network.id]})
        for network in networks
    ]


def columns_of(row: tables.Table) -> dict[str, Any]:
    """A row's columns, by name."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
