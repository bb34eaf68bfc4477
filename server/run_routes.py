"""Runs: list, create, look at, stop."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import Engine

from ..db import catalog, queue, read
from ..db.errors import FieldProblem, InvalidExperiment, NotFound
from ..db.experiment import Experiment
from ..db.parsing import parse, parse_study
from ..db.study import Study
from .dependencies import EngineDep, RunId
from .schemas import (
    NetworkPublic,
    Number,
    RunCreate,
    RunDetailPublic,
    RunPublic,
    RunsPublic,
    networks_public,
    run_detail_public,
    run_public,
)

router = APIRouter(prefix="/api/runs", tags=["runs"])


@router.get("")
def list_runs(
    engine: EngineDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[Number | None, Query()] = None,
) -> RunsPublic:
    """Runs, newest first; `next` is the `before` of the next page."""
    found = read.runs(engine, limit=limit + 1, before=before)
    page = [run_public(run) for run in found[:limit]]
    return RunsPublic(runs=page, next=page[-1].id if len(found) > limit else None)


@router.post("", status_code=201)
def create_run(engine: EngineDep, body: RunCreate) -> RunDetailPublic:
    """Store a run as queued; a worker that is free takes it."""
    asked = asked_of(body)
    if body.catalog_entry is not None:
        _check_entry(body.catalog_entry)
    run_id = queue.enqueue(engine, asked, body.catalog_entry)
    return get_run(engine, run_id)


@router.get("/{run_id}")
def get_run(engine: EngineDep, run_id: RunId) -> RunDetailPublic:
    """One run, its experiment or study, networks and layers."""
    run = read.run(engine, run_id)
    return run_detail_public(run, networks_of(engine, run_id))


@router.post("/{run_id}/stop", status_code=202)
def stop_run(engine: EngineDep, run_id: RunId) -> RunPublic:
    """Ask the run to end; it keeps what it recorded."""
    queue.ask_to_stop(engine, run_id)
    return run_public(read.run(engine, run_id))


def asked_of(body: RunCreate) -> Experiment | Study:
    """What a client asks for, checked.

    Raises:
        InvalidExperiment: A setting is not allowed, or it is neither or both.
    """
    if body.study is None:
        return parse(body.experiment)
    if body.experiment is not None:
        sentence = "expected an experiment or a study, got both."
        raise InvalidExperiment([FieldProblem("study", sentence)])
    study = parse_study(body.study)
    catalog.check_study(study)
    return study


def networks_of(engine: Engine, run_id: int) -> list[NetworkPublic]:
    """A run's networks with their layers."""
    return networks_public(read.networks(engine, run_id), read.layers(engine, run_id))


def _check_entry(name: str) -> None:
    try:
        catalog.entry(name)
    except NotFound as error:
        raise InvalidExperiment([FieldProblem("catalog_entry", str(error))]) from None
