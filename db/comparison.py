"""Runs beside each other: their networks as lines, by run or by the value of a setting.

A line is an arm of a run, or an arm of all runs in which a setting has one value. Its networks are
those of all seeds; what is said of it is the mean over them, with an interval.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from .differing import Differing, differing, key_of, trained_with, varying
from .errors import FieldProblem, InvalidExperiment, NotFound
from .read import networks_with_curves
from .sweep import shown_value
from .tables import ACTIVE, Layer, Network, Run
from .verdict import Curve

MOST_RUNS = 100
BY_RUN = "run"
BY_ARM = "arm"
"""Groupings that are no setting: each arm of each run, and each arm of all runs together."""
UNLIKE = ("steps", "seeds", "device", "ensemble", "recording", "diagnosis")
"""Settings, or parts, that may differ between two runs whose networks are nevertheless the same."""


@dataclass(frozen=True)
class Member:
    """One network of a line.

    Attributes:
        run: Whose.
        network: The network.
        curve: Its test accuracy.
        settings: What it trains with, by dotted path.
    """

    run: Run
    network: Network
    curve: Curve
    settings: dict[str, Any]


@dataclass(frozen=True)
class Line:
    """Networks that are looked at as one.

    Attributes:
        arm: The name of their arm.
        run: The number of their run; None where they may be of several.
        value: Of the setting by which runs are grouped; None where they are not.
        lacks: They are grouped by a setting that their runs do not have.
        label: What sets the line apart, in words.
        members: Its networks, each once.
        repeats: Networks that were left out, for they repeat another one of the line: the same
            settings, seed and first weights.
        varying: Settings in which its networks differ, their runs' lengths and seeds among them.
    """

    arm: str
    run: int | None
    value: Any
    lacks: bool
    label: str
    members: tuple[Member, ...]
    repeats: int
    varying: tuple[str, ...]

    @property
    def runs(self) -> list[int]:
        """The numbers of its networks' runs."""
        return list(dict.fromkeys(member.run.id for member in self.members))


@dataclass(frozen=True)
class Compared:
    """Runs beside each other.

    Attributes:
        runs: In the order in which they were asked for.
        lines: Of their networks.
        settings: In which settings runs differ.
        groups: The settings by which lines can be told apart: those that differ between arms.
        notes: Sentences on what is lacking.
    """

    runs: tuple[Run, ...]
    lines: tuple[Line, ...]
    settings: Differing
    groups: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """No record can come any more."""
        return all(run.status not in ACTIVE for run in self.runs)

    @property
    def members(self) -> list[Member]:
        """All networks, line by line."""
        return [member for line in self.lines for member in line.members]

    @property
    def trained(self) -> list[Run]:
        """The runs that have networks, whose `step` counts steps."""
        return list({member.run.id: member.run for member in self.members}.values())


def compared(engine: Engine, run_ids: Sequence[int], group: str = BY_RUN) -> Compared:
    """Read what is compared of some runs, all but their records.

    Args:
        engine: The database.
        run_ids: Their numbers; one that is named twice is meant once.
        group: How networks become lines: `run`, `arm`, or the dotted path of a setting.

    Raises:
        InvalidExperiment: There are too many runs, or no run has the setting.
        NotFound: A run is not there, or deleted.
    """
    runs = _runs(engine, list(dict.fromkeys(run_ids)))
    members = _members(engine, runs)
    settings = [member.settings for member in members]
    if group not in (BY_RUN, BY_ARM) and not any(group in one for one in settings):
        sentence = f"No run here has the setting {group}; expected {BY_RUN}, {BY_ARM} or a setting."
        raise InvalidExperiment([FieldProblem("group", sentence)])
    lines = lines_of(members, group)
    notes = [note for run in runs if (note := _note(run, members)) is not None]
    return Compared(
        runs, lines, differing(runs), tuple(varying(settings)), (*notes, *_on_repeats(lines))
    )


def lines_of(members: Sequence[Member], group: str) -> tuple[Line, ...]:
    """Networks as lines: by run as they come, by a setting in the order of its values."""
    found: dict[Hashable, list[Member]] = {}
    arms = list(dict.fromkeys(member.network.arm for member in members))

    def key(member: Member) -> tuple[Any, ...]:
        if group == BY_RUN:
            return member.run.id, member.network.arm
        value = key_of(member.settings[group]) if group in member.settings else ""
        return value, member.network.arm

    for member in members:
        found.setdefault(key(member), []).append(member)
    lines = [_line(those, group) for those in found.values()]
    if group not in (BY_RUN, BY_ARM):
        lines.sort(key=lambda line: (line.lacks, _rank(line.value), arms.index(line.arm)))
    return tuple(lines)


def layer_names(engine: Engine, members: Sequence[Member]) -> dict[str, int]:
    """The names of the layers of some networks, in order, and how many of them have each."""
    numbers = [member.network.id for member in members]
    query = (
        select(Layer.name, func.count())
        .where(Layer.network_id.in_(numbers))
        .group_by(Layer.name)
        .order_by(func.min(Layer.position), Layer.name)
    )
    with engine.connect() as connection:
        return {name: count for name, count in connection.execute(query)}


def _runs(engine: Engine, run_ids: Sequence[int]) -> tuple[Run, ...]:
    if not 1 <= len(run_ids) <= MOST_RUNS:
        sentence = f"expected 1 to {MOST_RUNS} runs to compare, got {len(run_ids):,}."
        raise InvalidExperiment([FieldProblem("runs", sentence)])
    with Session(engine) as session:
        found = {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(run_ids)))}
    for run_id in run_ids:
        if run_id not in found:
            raise NotFound(f"There is no run {run_id}.")
        if found[run_id].deleted_at is not None:
            raise NotFound(f"Run {run_id} is deleted. Restore it, or leave it out.")
    return tuple(found[run_id] for run_id in run_ids)


def _members(engine: Engine, runs: Sequence[Run]) -> list[Member]:
    """The networks of the runs, run by run, each run's in the order of its arms."""
    trained: dict[int, list[tuple[Network, Curve]]] = {}
    for network, curve in networks_with_curves(engine, [run.id for run in runs]):
        trained.setdefault(network.run_id, []).append((network, curve))
    members: list[Member] = []
    for run in runs:
        if run.id not in trained:
            continue
        settings = trained_with(run)
        order = {arm: at for at, arm in enumerate(settings)}
        own = [
            Member(run, network, curve, settings.get(network.arm, {}))
            for network, curve in trained[run.id]
        ]
        members += sorted(own, key=lambda member: order.get(member.network.arm, len(order)))
    return members


def _line(members: Sequence[Member], group: str) -> Line:
    first = members[0]
    arm, run = first.network.arm, first.run.id if group == BY_RUN else None
    is_setting = group not in (BY_RUN, BY_ARM)
    lacks = is_setting and group not in first.settings
    value = first.settings.get(group) if is_setting else None
    if run is not None:
        label = f"#{run} {arm}"
    elif is_setting:
        name = group.rpartition(".")[2]
        label = f"{f'no {name}' if lacks else f'{name} {shown_value(value)}'} · {arm}"
    else:
        label = arm
    once = _once(members)
    inner = tuple(path for path in varying([one.settings for one in once]) if path != group)
    return Line(arm, run, value, lacks, label, once, len(members) - len(once), inner)


def _once(members: Sequence[Member]) -> tuple[Member, ...]:
    """Of networks that repeat each other the one that went farthest, of equals the latest run's."""
    found: dict[Hashable, Member] = {}
    for member in members:
        said = {
            path: value
            for path, value in member.settings.items()
            if path.partition(".")[0] not in UNLIKE
        }
        key: Hashable = (key_of(said), member.network.seed, member.network.weights_hash)
        if member.run.experiment is None:
            key = member.network.id  # whose settings nobody knows is like no other
        known = found.get(key)
        if known is None or _reach(known) < _reach(member):
            found[key] = member
    kept = {member.network.id for member in found.values()}
    return tuple(member for member in members if member.network.id in kept)


def _reach(member: Member) -> tuple[int, int]:
    return member.run.step, member.run.id


def _rank(value: Any) -> tuple[int, float, str]:
    """Numbers by their size before everything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, value, "") if is_number else (1, 0.0, shown_value(value))


def _note(run: Run, members: Sequence[Member]) -> str | None:
    """What a run lacks of what is compared."""
    own = [member for member in members if member.run is run]
    if run.study is not None:
        return f"Run {run.id} is a study: it trains no arms, so it has no lines here."
    if run.source == "import":
        return f"Run {run.id} was imported: it has measurements alone, so it has no lines here."
    if not own:
        return f"Run {run.id} has no networks{' yet' if run.status in ACTIVE else ''}: " + (
            "its training has not begun." if run.status in ACTIVE else "its training never began."
        )
    if not any(member.curve.steps for member in own):
        return f"Run {run.id} has no accuracy on a test set: no network of it was evaluated."
    return None


def _on_repeats(lines: Sequence[Line]) -> list[str]:
    count = sum(line.repeats for line in lines)
    if count == 0:
        return []
    which = "1 network repeats another" if count == 1 else f"{count} networks repeat others"
    return [
        f"{which} of the same line, with the same settings, seed and first weights; each counts "
        "once, so that intervals are over different seeds."
    ]
