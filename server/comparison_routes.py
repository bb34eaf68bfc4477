"""Runs beside each other: what they come to, in which settings they differ, and mean curves."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import Engine

from ..db import comparison
from ..db.averages import Average, averages
from ..db.comparison import BY_RUN, Compared, compared, layer_names
from ..db.errors import FieldProblem, InvalidExperiment, NotFound
from ..db.outcomes import criterion, line_outcome, network_outcome, target_of
from ..db.tables import OF_LAYERS
from .comparison_files import average_rows, line_rows, network_rows
from .dependencies import EngineDep, OlderRunsDep, Target
from .downloads import CSV, CSV_TYPE, csv_text, download
from .frames import widths_for
from .openapi import refusals
from .run_schemas import RunPublic, run_public
from .schemas import OverSeedsPublic, Points, Public, Real, Step

router = APIRouter(prefix="/api/comparison", tags=["comparison"])

HIGHEST_NUMBER = 2**31 - 1
MOST_SERIES = 2_000
"""Networks whose records one chart may average."""
RunNumbers = Annotated[
    str,
    Query(
        pattern=r"^\d{1,10}(,\d{1,10})*$",
        max_length=11 * 1_000,
        examples=["1,2"],
        description=f"Numbers of runs with commas between them, at most {comparison.MOST_RUNS}.",
    ),
]
Group = Annotated[
    str,
    Query(
        max_length=120,
        examples=["arm"],
        description="How networks become lines: run, arm, or the dotted path of a setting.",
    ),
]
Statistic = Annotated[str, Query(max_length=80, examples=["test_accuracy"])]
LayerName = Annotated[
    str | None,
    Query(
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        examples=["hidden1"],
        description="In tables of layers.",
    ),
]
RecordTable = Annotated[
    Literal[
        "evaluations",
        "network_records",
        "layer_records",
        "probe_records",
        "gradient_shift_records",
        "landscape_records",
    ],
    Query(examples=["evaluations"]),
]


class SettingPublic(Public):
    """A setting in which runs differ: a value for each run, in their order."""

    path: str
    arm: str | None
    values: list[Any]
    lacking: list[int]


class LinePublic(Public):
    """Networks that are looked at as one, and what they come to."""

    label: str
    arm: str
    run: int | None
    value: Any
    lacks: bool
    runs: list[int]
    members: int
    repeats: int
    varying: list[str]
    networks: int
    reached: int
    steps_to_target: OverSeedsPublic | None
    best_accuracy: OverSeedsPublic | None
    last_accuracy: OverSeedsPublic | None
    last_step: int | None
    diverged: int
    first_nonfinite_step: int | None
    words: str


class NetworkOutcomePublic(Public):
    """What one network came to, and those of its settings that differ between arms."""

    line: int
    run: int
    arm: str
    seed: int
    settings: dict[str, Any]
    last_accuracy: Real | None
    best_accuracy: Real | None
    steps_to_target: Real | None
    first_nonfinite_step: int | None


class LayerNamePublic(Public):
    """The name of a layer, and how many networks have it."""

    name: str
    networks: int


class ComparedPublic(Public):
    """Runs beside each other."""

    runs: list[RunPublic]
    group: str
    groups: list[str]
    target: float
    fallback: bool
    criterion: str
    ended: bool
    notes: list[str]
    lines: list[LinePublic]
    networks: list[NetworkOutcomePublic]
    settings: list[SettingPublic]
    equal: int
    layers: list[LayerNamePublic]


class AveragePublic(Public):
    """The mean of a statistic over the networks of a line, in the order of lines."""

    networks: int
    lacking: int
    left_out: int
    step: list[int]
    last_step: list[int]
    mean: list[Real]
    low: list[Real]
    high: list[Real]
    least: list[Real] | None
    most: list[Real] | None


class AveragesPublic(Public):
    """The mean of a statistic over the networks of every line."""

    width: int
    lines: list[AveragePublic]


@router.get("", responses=refusals(404))
def get_comparison(
    engine: EngineDep, runs: RunNumbers, group: Group = BY_RUN, target: Target = None
) -> ComparedPublic:
    """What runs come to, line by line, and in which settings they differ."""
    found = compared(engine, numbers_of(runs), group)
    goal, fallback = target_of(found, target)
    return ComparedPublic(
        runs=[run_public(run) for run in found.runs],
        group=group,
        groups=list(found.groups),
        target=goal,
        fallback=fallback,
        criterion=criterion(found, goal, fallback),
        ended=found.ended,
        notes=list(found.notes),
        lines=_lines(found, goal),
        networks=_networks(found, goal),
        settings=[SettingPublic.model_validate(one) for one in found.settings.settings],
        equal=found.settings.equal,
        layers=[
            LayerNamePublic(name=name, networks=count)
            for name, count in layer_names(engine, found.members).items()
        ],
    )


@router.get("/lines", responses=refusals(404))
def get_lines(
    engine: EngineDep,
    older_runs: OlderRunsDep,
    runs: RunNumbers,
    table: RecordTable,
    statistic: Statistic,
    group: Group = BY_RUN,
    layer: LayerName = None,
    first: Annotated[Step, Query()] = 0,
    last: Annotated[Step | None, Query()] = None,
    points: Points = 400,
) -> AveragesPublic:
    """The mean of a statistic over the networks of every line, with its interval."""
    found = compared(engine, numbers_of(runs), group)
    width, means = _averages(engine, found, table, statistic, layer, (first, last), points)
    for run in found.trained if width > 1 else ():
        older_runs.looked_at(run)
    return AveragesPublic(width=width, lines=[_average(one) for one in means])


@router.get("/lines.csv", response_class=Response, responses=CSV | refusals(404))
def export_lines(
    engine: EngineDep,
    runs: RunNumbers,
    table: RecordTable,
    statistic: Statistic,
    group: Group = BY_RUN,
    layer: LayerName = None,
    first: Annotated[Step, Query()] = 0,
    last: Annotated[Step | None, Query()] = None,
) -> Response:
    """The same at every step that was recorded, as a CSV file."""
    found = compared(engine, numbers_of(runs), group)
    _, means = _averages(engine, found, table, statistic, layer, (first, last), None)
    return _file(average_rows(found.lines, means), statistic)


@router.get(".csv", response_class=Response, responses=CSV | refusals(404))
def export_comparison(
    engine: EngineDep, runs: RunNumbers, group: Group = BY_RUN, target: Target = None
) -> Response:
    """What runs come to, one row for each line, as a CSV file."""
    found = compared(engine, numbers_of(runs), group)
    goal, _ = target_of(found, target)
    return _file(line_rows(found.lines, goal), "lines")


@router.get("/networks.csv", response_class=Response, responses=CSV | refusals(404))
def export_networks(
    engine: EngineDep, runs: RunNumbers, group: Group = BY_RUN, target: Target = None
) -> Response:
    """What each network trained with, where settings differ, and came to, as a CSV file."""
    found = compared(engine, numbers_of(runs), group)
    goal, _ = target_of(found, target)
    return _file(network_rows(found.lines, found.groups, goal), "networks")


def numbers_of(runs: str) -> list[int]:
    """The numbers of runs that an address names.

    Raises:
        NotFound: One is higher than any run's.
    """
    found = [int(number) for number in runs.split(",")]
    if max(found) > HIGHEST_NUMBER:
        raise NotFound(f"There is no run {max(found)}.")
    return found


def _averages(
    engine: Engine,
    found: Compared,
    table: str,
    statistic: str,
    layer: str | None,
    steps: tuple[int, int | None],
    points: int | None,
) -> tuple[int, list[Average]]:
    """Buckets are as wide as the longest run needs; without `points` every record is read."""
    if table in OF_LAYERS and layer is None:
        raise InvalidExperiment([FieldProblem("layer", f"is required: {table} is of layers.")])
    count = len(found.members)
    if count > MOST_SERIES:
        sentence = f"{count:,} networks are more than {MOST_SERIES:,}; compare fewer runs."
        raise InvalidExperiment([FieldProblem("runs", sentence)])
    first, last = steps
    ends = [(run, run.step if last is None else min(last, run.step)) for run in found.trained]
    widths = (
        [widths_for(run, first, end, points)[table] for run, end in ends if end >= max(first, 1)]
        if points is not None
        else []
    )
    width = max(widths, default=1)
    return width, averages(
        engine, found.lines, table, statistic, layer=layer, first=first, last=last, width=width
    )


def _lines(found: Compared, target: float) -> list[LinePublic]:
    return [
        LinePublic.model_validate(
            {
                **{"label": line.label, "arm": line.arm, "run": line.run, "value": line.value},
                **{"lacks": line.lacks, "runs": line.runs, "members": len(line.members)},
                **{"repeats": line.repeats, "varying": list(line.varying)},
                **vars(line_outcome(line, target)),
            }
        )
        for line in found.lines
    ]


def _networks(found: Compared, target: float) -> list[NetworkOutcomePublic]:
    return [
        NetworkOutcomePublic.model_validate(
            {
                **{"line": at, "run": member.run.id},
                **{"arm": member.network.arm, "seed": member.network.seed},
                "settings": {
                    path: member.settings[path] for path in found.groups if path in member.settings
                },
                **vars(network_outcome(member, target)),
            }
        )
        for at, line in enumerate(found.lines)
        for member in line.members
    ]


def _average(one: Average) -> AveragePublic:
    return AveragePublic(
        networks=one.networks,
        lacking=one.lacking,
        left_out=one.left_out,
        step=one.step.tolist(),
        last_step=one.last_step.tolist(),
        mean=one.mean.tolist(),
        low=one.low.tolist(),
        high=one.high.tolist(),
        least=None if one.least is None else one.least.tolist(),
        most=None if one.most is None else one.most.tolist(),
    )


def _file(rows: Iterable[Sequence[object]], name: str) -> Response:
    return download(csv_text(rows), CSV_TYPE, f"shiftscope-comparison-{name}.csv")
