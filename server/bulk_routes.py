"""One action on many runs."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter
from sqlalchemy import Engine

from ..db import edit, queue, resuming
from ..db.errors import FieldProblem, InvalidExperiment, ShiftscopeError
from ..db.experiment import Experiment
from ..db.parsing import parse
from ..db.study import Study
from ..db.tables import Run
from .auditing import Changed, ChangedDep
from .dependencies import Admit, AdmitDep, EngineDep
from .list_schemas import NEEDS, BulkAsked, BulkPublic, RefusedPublic
from .openapi import refusals
from .run_routes import asked_again

router = APIRouter(prefix="/api/runs", tags=["runs"])


@router.post("/bulk", responses=refusals(409, 429))
def act_on_runs(
    engine: EngineDep, admit: AdmitDep, changed: ChangedDep, body: BulkAsked
) -> BulkPublic:
    """Do something to many runs; those it can't be done to are named with the reason."""
    run_ids = list(dict.fromkeys(body.runs))
    new: list[int] = []
    refused: dict[int, ShiftscopeError] = {}
    changed.what = f"{body.action} many"
    if body.action == "stop":
        refused = _each(run_ids, changed.each(partial(queue.ask_to_stop, engine)))
    elif body.action == "resume":
        refused = _resumed(engine, run_ids, admit, changed)
    elif body.action == "again":
        new, refused = _again(engine, run_ids, admit)
    else:
        refused |= _edited(engine, run_ids, body)
    done = [run_id for run_id in run_ids if run_id not in refused]
    changed.runs += [*done, *new]
    return BulkPublic(
        runs=done,
        new=new,
        refused=[RefusedPublic(run=run_id, detail=str(why)) for run_id, why in refused.items()],
    )


def _each(run_ids: list[int], act: Callable[[int], object]) -> dict[int, ShiftscopeError]:
    refused: dict[int, ShiftscopeError] = {}
    for run_id in run_ids:
        try:
            act(run_id)
        except ShiftscopeError as error:
            refused[run_id] = error
    return refused


def _resumed(
    engine: Engine, run_ids: list[int], admit: Admit, changed: Changed
) -> dict[int, ShiftscopeError]:
    """All that can go on are admitted as one start."""
    asked: dict[int, Experiment] = {}

    def look(run_id: int) -> None:
        asked[run_id] = parse(resuming.resumable(engine, run_id))

    refused = _each(run_ids, look)
    if asked:
        most = admit(*asked.values())
        refused |= _each(list(asked), changed.each(partial(resuming.resume, engine, most=most)))
    return refused


def _again(
    engine: Engine, run_ids: list[int], admit: Admit
) -> tuple[list[int], dict[int, ShiftscopeError]]:
    """The numbers of the new runs, all of them admitted as one start."""
    again: list[tuple[Run, Experiment | Study]] = []
    refused = _each(run_ids, lambda run_id: again.append(asked_again(engine, run_id)))
    if not again:
        return [], refused
    most = admit(*(asked for _, asked in again))
    asked = [(asked, run.catalog_entry) for run, asked in again]
    return queue.enqueue_all(engine, asked, most=most), refused


def _edited(engine: Engine, run_ids: list[int], body: BulkAsked) -> edit.Refused:
    match body.action:
        case "archive" | "unarchive":
            return edit.change(engine, run_ids, archived=body.action == "archive")
        case "delete":
            return edit.remove(engine, run_ids)
        case "restore":
            return edit.restore(engine, run_ids)
        case "tag":
            return edit.tag(engine, run_ids, _needed(body))
        case "untag":
            return edit.untag(engine, run_ids, _needed(body))
        case _:
            return edit.change(engine, run_ids, **{NEEDS[body.action]: _needed(body)})


def _needed(body: BulkAsked) -> str:
    """The word that the action takes."""
    name = NEEDS[body.action]
    if (word := getattr(body, name)) is None:
        sentence = f"is required: what to {body.action} runs with."
        raise InvalidExperiment([FieldProblem(name, sentence)])
    return word
