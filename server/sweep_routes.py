"""Sweeps: check, start, list, look at, stop."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict, Field
from sqlalchemy import Engine

from ..db import catalog, sweeps, tables
from ..db.estimate import estimate
from ..db.experiment import Experiment
from ..db.sweep import Sweep, Swept, count_networks, expand
from ..db.sweep_parsing import parse_sweep
from ..db.verdict import DEFAULT_TARGET
from .auditing import ChangedDep
from .catalog_schemas import EstimatePublic
from .dependencies import AdmitDep, EngineDep, Limit, LimitsDep, Offset, Target
from .downloads import CSV, CSV_TYPE, csv_text, download
from .openapi import ModelOf, refusals
from .run_routes import check_entry
from .run_schemas import EntryName, RunPublic, run_public
from .schemas import Asked, Number, OverSeedsPublic, Public, Whole
from .sweep_files import arm_rows

router = APIRouter(prefix="/api/sweeps", tags=["sweeps"])
SweepId = Annotated[Number, Path(description="The sweep's number.")]


EXAMPLE: dict[str, Any] = {
    "catalog_entry": "mnist-sigmoid",
    "over": [{"setting": "optimizer.lr", "values": [0.1, 0.5]}],
}


class SweepCreate(Asked):
    """A sweep to check or to start; without an experiment it is the catalog entry's own."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    experiment: Annotated[dict[str, Any], ModelOf(Experiment)] | None = None
    catalog_entry: EntryName | None = None
    name: str | None = None
    over: list[Annotated[dict[str, Any], ModelOf(Swept)]] = Field(max_length=100)
    draws: Whole | None = None
    seed: Whole = 0


class SweepValidatedPublic(Public):
    """What a sweep would be: its settings, the values of every run, and what all of it costs."""

    settings: list[str]
    values: list[list[Any]]
    runs: int
    networks: int
    estimate: EstimatePublic


class SweepPublic(Public):
    """One sweep, and how many of its runs there are of each status."""

    id: int
    name: str
    catalog_entry: str | None
    settings: list[str]
    statuses: dict[tables.Status, int]
    created_at: datetime


class SweepsPublic(Public):
    """A page of the list of sweeps."""

    sweeps: list[SweepPublic]


class ArmSummaryPublic(Public):
    """What one arm of a run that finished came to, over its seeds."""

    arm: str
    seeds: int
    diverged: int
    reached: int
    last_accuracy: OverSeedsPublic | None
    steps_to_target: OverSeedsPublic | None


class SweepMemberPublic(Public):
    """A run of a sweep: its values of the swept settings, and what its arms came to."""

    run: RunPublic
    values: list[Any]
    arms: list[ArmSummaryPublic]


class SweepDetailPublic(Public):
    """A sweep, its document and its runs, summarized for a target."""

    sweep: SweepPublic
    document: dict[str, Any]
    target: float
    members: list[SweepMemberPublic]


@router.post("/validate")
def validate_sweep(engine: EngineDep, limits: LimitsDep, body: SweepCreate) -> SweepValidatedPublic:
    """Check a sweep without starting it: how many runs and networks it has, and their cost."""
    sweep = _asked(body)
    members = expand(sweep)
    experiments = [member.experiment for member in members]
    limits.check(*experiments)
    return SweepValidatedPublic(
        settings=[one.setting for one in sweep.over],
        values=[list(member.values) for member in members],
        runs=len(members),
        networks=sum(map(count_networks, experiments)),
        estimate=EstimatePublic.model_validate(asdict(estimate(engine, *experiments))),
    )


@router.post("", status_code=201, responses=refusals(409, 429))
def create_sweep(
    engine: EngineDep, admit: AdmitDep, changed: ChangedDep, body: SweepCreate
) -> SweepDetailPublic:
    """Store a sweep and its runs as queued; workers that are free take them."""
    sweep = _asked(body)
    most = admit(*(member.experiment for member in expand(sweep)))
    number = sweeps.start(engine, sweep, body.catalog_entry, most=most)
    changed.what = f"create sweep {number}"
    return _detail(engine, number)


@router.get("")
def list_sweeps(
    engine: EngineDep,
    limit: Limit = 100,
    offset: Offset = 0,
) -> SweepsPublic:
    """The sweeps, newest first."""
    found = sweeps.page(engine, limit=limit, offset=offset)
    return SweepsPublic(sweeps=[sweep_public(one.sweep, one.statuses) for one in found])


@router.get("/{sweep_id}")
def get_sweep(engine: EngineDep, sweep_id: SweepId, target: Target = None) -> SweepDetailPublic:
    """One sweep: its runs, and what those that finished came to."""
    return _detail(engine, sweep_id, DEFAULT_TARGET if target is None else target)


@router.get("/{sweep_id}/outcomes.csv", response_class=Response, responses=CSV)
def export_sweep(engine: EngineDep, sweep_id: SweepId, target: Target = None) -> Response:
    """What the arms of its runs that finished came to, a row each, as a CSV file."""
    sweep = sweeps.one(engine, sweep_id)
    goal = DEFAULT_TARGET if target is None else target
    rows = arm_rows(sweeps.settings(sweep), sweeps.members(engine, sweep, goal), goal)
    return download(csv_text(rows), CSV_TYPE, f"shiftscope-sweep-{sweep_id}-outcomes.csv")


@router.post("/{sweep_id}/stop", status_code=202)
def stop_sweep(engine: EngineDep, sweep_id: SweepId) -> SweepDetailPublic:
    """Ask all its runs that have not ended to end; they keep what they recorded."""
    sweeps.stop(engine, sweep_id)
    return _detail(engine, sweep_id)


def _asked(body: SweepCreate) -> Sweep:
    """What a client asks for, checked.

    Raises:
        InvalidExperiment: A setting is not allowed, or the catalog has no such experiment.
    """
    document = body.model_dump(exclude={"catalog_entry"}, exclude_none=True)
    if body.catalog_entry is not None:
        check_entry(body.catalog_entry)
        if body.experiment is None:
            own = catalog.experiment(body.catalog_entry)
            document["experiment"] = own.model_dump(mode="json")
    return parse_sweep(document)


def _detail(engine: Engine, number: int, target: float = DEFAULT_TARGET) -> SweepDetailPublic:
    sweep = sweeps.one(engine, number)
    members = sweeps.members(engine, sweep, target)
    return SweepDetailPublic(
        sweep=sweep_public(sweep, _statuses([member.run for member in members])),
        document=sweep.sweep,
        target=target,
        members=[
            SweepMemberPublic(
                run=run_public(member.run),
                values=list(member.values),
                arms=[ArmSummaryPublic.model_validate(arm) for arm in member.arms],
            )
            for member in members
        ],
    )


def _statuses(runs: Sequence[tables.Run]) -> dict[str, int]:
    found: dict[str, int] = {}
    for run in runs:
        found[run.status] = found.get(run.status, 0) + 1
    return found


def sweep_public(sweep: tables.Sweep, statuses: dict[str, int]) -> SweepPublic:
    return SweepPublic.model_validate(
        {
            "id": sweep.id,
            "name": sweep.name,
            "catalog_entry": sweep.catalog_entry,
            "settings": sweeps.settings(sweep),
            "statuses": statuses,
            "created_at": sweep.created_at,
        }
    )
