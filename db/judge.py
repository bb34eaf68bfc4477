"""A stored run and what it comes to: its verdict, and what it says of the claims of its entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from . import catalog, read
from .claims import Claim, Evidence, Outcome, Recorded, judge
from .errors import NotFound
from .experiment import Experiment
from .intervals import OverSeeds, mean
from .parsing import parse, parse_study
from .study import Study
from .tables import ACTIVE, Run, UnitRecord
from .units import mean_over_units
from .verdict import Verdict, verdict
from .verdict_words import sentence


@dataclass(frozen=True)
class Judged:
    """What a run comes to.

    Attributes:
        run: The run.
        verdict: Its arms in numbers; None for a study, and for a watched run, which has no test
            set.
        outcomes: What it says of each claim of its catalog entry.
        twins: Whether what differs between arms of a seed is the arms' doing.
        together: The last test accuracy of the ensembles; None where there is none.
    """

    run: Run
    verdict: Verdict | None
    outcomes: Sequence[tuple[Claim, Outcome]]
    twins: bool = True
    together: OverSeeds | None = None

    @property
    def ended(self) -> bool:
        """No evaluation can come any more."""
        return self.run.status not in ACTIVE

    @property
    def sentence(self) -> str:
        """What the arms, or the measurements of a study, come to."""
        if self.verdict is not None:
            return sentence(self.verdict, twins=self.twins, together=self.together)
        if self.run.source == "import":
            return "What was imported are measurements alone, so there is no verdict."
        if self.run.study is None:
            return "A watched run has no test set, so there is no verdict."
        for claim, outcome in self.outcomes[:1]:
            return f"{claim.number} {outcome.result}: {outcome.reason}"
        return "This study’s claims are not in the catalog, so there is no verdict."


def judged(engine: Engine, run_id: int, target: float | None = None) -> Judged:
    """Read a run's evaluations, or a study's measurements, and judge it.

    Args:
        engine: The database.
        run_id: The run.
        target: The accuracy to reach, a share; None chooses (docs/verdicts.md).

    Raises:
        NotFound: There is no such run.
    """
    run = read.run(engine, run_id)
    if run.study is not None:
        return Judged(run, None, _of_study(engine, run, parse_study(run.study)))
    if run.experiment is None:
        return Judged(run, None, ())
    asked = parse(run.experiment)
    arms = [arm.name for arm in asked.arms]
    curves = read.curves(engine, run)
    ended = run.status not in ACTIVE
    records = partial(_recorded, engine, run)
    evidence = Evidence(curves, arms, run.step, ended, records)
    return Judged(
        run,
        verdict(curves, arms, ended=ended, target=target),
        [
            (claim, judge(claim, evidence, asked, entry.experiment))
            for entry in _entries(run)
            if isinstance(entry.experiment, Experiment)
            for claim in entry.claims
        ],
        asked.twins,
        _together(records("ensemble_records", "test_accuracy")) if asked.ensemble else None,
    )


def _together(ensembles: Sequence[Recorded]) -> OverSeeds | None:
    """What the ensembles of all seeds came to at their last evaluation."""
    last = [value for each in ensembles for value in each.values[-1:] if value is not None]
    return mean(last) if last else None


def _of_study(engine: Engine, run: Run, study: Study) -> list[tuple[Claim, Outcome]]:
    """Only a study that came to its end by itself has ended: one that was stopped lacks a part."""
    found = read.measurements(engine, run)
    evidence = Evidence((), (), run.step, run.status == "finished", measurements=found)
    return [
        (claim, judge(claim, evidence, study, entry.experiment))
        for entry in _entries(run)
        if isinstance(entry.experiment, Study)
        for claim in entry.claims
    ]


def _recorded(engine: Engine, run: Run, table: str, statistic: str) -> Sequence[Recorded]:
    if table == UnitRecord.__tablename__:
        return mean_over_units(engine, run, statistic)
    return read.recorded(engine, run, table, statistic)


def _entries(run: Run) -> list[catalog.CatalogEntry]:
    """The run's catalog entry; none for an experiment of one's own, or one that is gone."""
    try:
        return [catalog.entry(run.catalog_entry)] if run.catalog_entry else []
    except NotFound:
        return []
