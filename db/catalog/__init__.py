"""The catalog: experiments that come with the product, one module per family of claims.

A module joins the catalog by being in this folder and naming its entries in `ENTRIES`.
"""

import importlib
import pkgutil
import re
from functools import cache

from ..claims import Claim
from ..errors import FieldProblem, InvalidExperiment, NotFound
from ..experiment import Experiment
from ..study import Study
from .entry import CatalogEntry

__all__ = ["CatalogEntry", "check_study", "entries", "entry", "experiment", "order", "place"]


@cache
def entries() -> tuple[CatalogEntry, ...]:
    """Every entry: experiments, then studies, each by the number of the first claim."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "entry")
    found = [
        entry
        for module in modules
        for entry in importlib.import_module(f"{__name__}.{module}").ENTRIES
    ]
    return tuple(sorted(found, key=order))


def order(entry: CatalogEntry) -> tuple[bool, str, int, str]:
    """Experiments, then studies, by the place of the first claim; without one an entry is last."""
    letters, number, rest = place(entry.claims[0]) if entry.claims else ("~", 0, "")
    return isinstance(entry.experiment, Study), letters, number, rest


def place(claim: Claim) -> tuple[str, int, str]:
    """Where a claim is in a list: E2 before E12, E12 before E12b, R1 after them."""
    letters, digits, rest = re.fullmatch(r"(\D*)(\d*)(.*)", claim.number).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return letters, int(digits or 0), rest


def entry(name: str) -> CatalogEntry:
    """The entry of this name.

    Raises:
        NotFound: No entry has it; the message names those that exist.
    """
    for candidate in entries():
        if candidate.name == name:
            return candidate
    names = ", ".join(candidate.name for candidate in entries())
    raise NotFound(f"There is no experiment {name!r} in the catalog; expected one of {names}.")


def experiment(name: str) -> Experiment:
    """The experiment of the entry of this name, which trains arms.

    Raises:
        NotFound: No entry has the name.
        InvalidExperiment: It is a study.
    """
    found = entry(name).experiment
    if isinstance(found, Experiment):
        return found
    sentence = f"{name} is a study: it has seeds and a length, and trains no arms."
    raise InvalidExperiment([FieldProblem("experiment", sentence)])


def check_study(study: Study) -> None:
    """That there is such a study. Its module belongs to the trainer; every one has an entry here.

    Raises:
        InvalidExperiment: There is none; names those that there are.
    """
    asked = [entry.experiment for entry in entries()]
    known = sorted({one.study for one in asked if isinstance(one, Study)})
    if study.study not in known:
        sentence = f"There is no study {study.study!r}; expected one of {', '.join(known)}."
        raise InvalidExperiment([FieldProblem("study", sentence)])
