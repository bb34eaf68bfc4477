"""Reproducing claims of the catalog: which entries are run, at which length, what decides. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import catalog
from .catalog import CatalogEntry, place
from .claims import Claim, Outcome
from .errors import InvalidExperiment, NotFound
from .experiment import Experiment
from .parsing import parse, parse_study, with_settings
from .study import Length, Study
from .tables import Run

SEEDS: Mapping[Length, str] = {"quick": "seeds=0", "full": "seeds=0,1,2"}
SAID = ("seeds", "steps", "length")
"""Settings that `how_long` has words for."""
MADE_WITH = ("shiftscope", "torch")
"""Whose versions have to agree for a run to stand for another."""


@dataclass(frozen=True)
class Task:
    """One entry of the catalog, to be run once, and the claims that its run is to decide."""

    entry: CatalogEntry
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Decided:
    """What a run said of a task's claims.

    Attributes:
        task: The entry and its claims.
        run: The run, which may have failed.
        reused: It had been made before.
        outcomes: One for each claim; inconclusive where the run failed.
    """

    task: Task
    run: Run
    reused: bool
    outcomes: tuple[tuple[Claim, Outcome], ...]


def as_expected(claim: Claim, outcome: Outcome) -> bool:
    """Whether a claim was decided as its entry says it should be; an open one was not."""
    return outcome.result == claim.expected


def chosen(names: Sequence[str]) -> list[Task]:
    """The entries to run, in the order of their claims' numbers.

    Args:
        names: Of entries, which stand for all their claims, or numbers of claims, in either case;
            none for every claim.

    Raises:
        NotFound: Nothing has one of the names; the message says which there are.
    """
    wanted = {name.lower() for name in names}
    known = {e.name for e in catalog.entries()} | {c.number.lower() for c in every_claim()}
    for name in names:
        if name.lower() not in known:
            raise NotFound(
                f"There is no claim and no experiment {name!r}; expected one of "
                f"{', '.join(claim.number for claim in every_claim())}, or of "
                f"{', '.join(entry.name for entry in catalog.entries() if entry.claims)}."
            )
    tasks = [
        Task(
            entry,
            tuple(
                claim
                for claim in sorted(entry.claims, key=place)
                if not wanted or wanted & {entry.name, claim.number.lower()}
            ),
        )
        for entry in catalog.entries()
    ]
    return sorted((task for task in tasks if task.claims), key=lambda task: place(task.claims[0]))


def settings(entry: CatalogEntry, length: Length) -> list[str]:
    """The `key=value` settings that make an entry's experiment as long as is asked."""
    study = [f"length={length}"] if isinstance(entry.experiment, Study) else []
    return [SEEDS[length], *study, *(entry.quick if length == "quick" else ())]


def sized(entry: CatalogEntry, length: Length) -> Experiment | Study:
    """An entry's experiment, as long as is asked."""
    return with_settings(entry.experiment, settings(entry, length))


def reusable(
    runs: Iterable[Run],
    entry: CatalogEntry,
    wanted: Experiment | Study,
    versions: Mapping[str, str],
) -> Run | None:
    """The first run that finished and did what is wanted, made with the same versions.

    A setting that there was not when it was made counts as it is by default.
    """
    for run in runs:
        if (
            run.status == "finished"
            and run.catalog_entry == entry.name
            and _made_with(run.versions or {}, versions)
            and _asked(run) == wanted
        ):
            return run
    return None


def _asked(run: Run) -> Experiment | Study | None:
    """What a run was asked; None where that is no experiment or study of today's any more."""
    try:
        return parse(run.experiment) if run.study is None else parse_study(run.study)
    except InvalidExperiment:
        return None


def how_long(entry: CatalogEntry, length: Length) -> str:
    """A clause on seeds and length, with what was shortened: seed 0, 4,000 of 50,000 steps.

    Then the other settings that the entry changes for this length.
    """
    changed = [s for s in settings(entry, length) if s.partition("=")[0] not in SAID]
    return ", ".join([_seeds_and_steps(entry, length), *changed])


def _seeds_and_steps(entry: CatalogEntry, length: Length) -> str:
    done, own = sized(entry, length), entry.experiment
    first, *others = (str(seed) for seed in done.seeds)
    seeds = f"seeds {', '.join([first, *others[:-1]])} and {others[-1]}" if others else first
    seeds = seeds if others else f"seed {seeds}"
    if isinstance(done, Study) or isinstance(own, Study):
        return f"{seeds}, {length} length"
    of = f"{done.steps:,} of {own.steps:,}" if done.steps < own.steps else f"{done.steps:,}"
    return f"{seeds}, {of} steps"


def every_claim() -> list[Claim]:
    """The claims of the catalog, in the order of their numbers."""
    return sorted((claim for entry in catalog.entries() for claim in entry.claims), key=place)


def _made_with(own: Mapping[str, str], versions: Mapping[str, str]) -> bool:
    # torch itself says 2.11.0+cpu where its package may be 2.11.0
    return all(
        own.get(name) is not None and own[name].split("+")[0] == versions[name].split("+")[0]
        for name in MADE_WITH
    )
