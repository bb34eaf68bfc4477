"""One run: create, look at, stop, resume, edit, delete, run again."""

from fastapi import APIRouter
from sqlalchemy import Engine

from ..db import catalog, edit, queue, read, resuming
from ..db.errors import Conflict, FieldProblem, InvalidExperiment, NotFound
from ..db.experiment import Experiment
from ..db.parsing import parse, parse_study
from ..db.study import Study
from ..db.tables import Run
from .auditing import ChangedDep
from .dependencies import AdmitDep, EngineDep, RunId
from .openapi import refusals
from .run_schemas import (
    NetworkPublic,
    RunCreate,
    RunDetailPublic,
    RunEdit,
    RunPublic,
    networks_public,
    run_detail_public,
    run_public,
)

router = APIRouter(prefix="/api/runs", tags=["runs"])


@router.post("", status_code=201, responses=refusals(409, 429))
def create_run(
    engine: EngineDep, admit: AdmitDep, changed: ChangedDep, body: RunCreate
) -> RunDetailPublic:
    """Store a run as queued; a worker that is free takes it."""
    asked = asked_of(body)
    run_id = queue.enqueue(engine, asked, body.catalog_entry, most=admit(asked))
    changed.runs.append(run_id)
    return get_run(engine, run_id)


@router.get("/{run_id}")
def get_run(engine: EngineDep, run_id: RunId) -> RunDetailPublic:
    """One run, its experiment or study, networks and layers."""
    run = read.run(engine, run_id)
    return run_detail_public(run, networks_of(engine, run_id))


@router.post("/{run_id}/stop", status_code=202, responses=refusals(409))
def stop_run(engine: EngineDep, run_id: RunId) -> RunPublic:
    """Ask the run to end; it keeps what it recorded."""
    queue.ask_to_stop(engine, run_id)
    return run_public(read.run(engine, run_id))


@router.post("/{run_id}/resume", status_code=202, responses=refusals(409, 422, 429))
def resume_run(engine: EngineDep, admit: AdmitDep, run_id: RunId) -> RunPublic:
    """Queue a run that was stopped, or that failed, to go on from its checkpoint."""
    asked = parse(resuming.resumable(engine, run_id))
    resuming.resume(engine, run_id, most=admit(asked))
    return run_public(read.run(engine, run_id))


@router.patch("/{run_id}")
def edit_run(engine: EngineDep, run_id: RunId, body: RunEdit) -> RunPublic:
    """Rename it, or set its tags, its note, or whether it is archived."""
    columns = body.model_dump(exclude_none=True)
    raise_refusal(edit.change(engine, [run_id], **columns) if columns else {})
    return run_public(read.run(engine, run_id))


@router.delete("/{run_id}", responses=refusals(409))
def delete_run(engine: EngineDep, run_id: RunId) -> RunPublic:
    """Take it from all lists; it can be restored until it is purged."""
    raise_refusal(edit.remove(engine, [run_id]))
    return run_public(read.run(engine, run_id))


@router.post("/{run_id}/restore")
def restore_run(engine: EngineDep, run_id: RunId) -> RunPublic:
    """Undo its deletion."""
    raise_refusal(edit.restore(engine, [run_id]))
    return run_public(read.run(engine, run_id))


@router.post("/{run_id}/again", status_code=201, responses=refusals(409, 422, 429))
def run_again(
    engine: EngineDep, admit: AdmitDep, changed: ChangedDep, run_id: RunId
) -> RunDetailPublic:
    """Store a run of the same experiment or study as queued."""
    run, asked = asked_again(engine, run_id)
    again = queue.enqueue(engine, asked, run.catalog_entry, most=admit(asked))
    changed.runs.append(again)
    return get_run(engine, again)


def raise_refusal(refused: edit.Refused) -> None:
    """Answer by the reason why a run was left as it was, if there is one."""
    for error in refused.values():
        raise error


def asked_again(engine: Engine, run_id: int) -> tuple[Run, Experiment | Study]:
    """A run, and what it did, to be asked for again.

    Raises:
        NotFound: There is no such run.
        Conflict: It is a watched or an imported one.
        InvalidExperiment: This version does not allow its settings any more.
    """
    run = read.run(engine, run_id)
    if run.source == "watch":
        raise Conflict(
            f"Run {run_id} is watched: its loop belongs to your own program. Run it again there."
        )
    if run.source == "import":
        raise Conflict(f"Run {run_id} was imported: there is nothing to run. Import it again.")
    return run, parse(run.experiment) if run.study is None else parse_study(run.study)


def asked_of(body: RunCreate) -> Experiment | Study:
    """What a client asks for, checked.

    Raises:
        InvalidExperiment: A setting is not allowed, it is neither or both, or the catalog has no
            such entry.
    """
    if body.catalog_entry is not None:
        check_entry(body.catalog_entry)
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


def check_entry(name: str) -> None:
    """That the catalog has an entry of this name.

    Raises:
        InvalidExperiment: It has none; names those that it has.
    """
    try:
        catalog.entry(name)
    except NotFound as error:
        raise InvalidExperiment([FieldProblem("catalog_entry", str(error))]) from None
