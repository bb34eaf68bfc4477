"""The catalog: experiments that come with the product, one module per family of claims.

A module joins the catalog by being in this folder and naming its entries in `ENTRIES`.
"""

import importlib
import pkgutil
from functools import cache

from ..errors import FieldProblem, InvalidExperiment, NotFound
from ..experiment import Experiment
from .entry import CatalogEntry

__all__ = ["CatalogEntry", "entries", "entry", "experiment"]


@cache
def entries() -> tuple[CatalogEntry, ...]:
    """Every entry, in the order of the modules' names and, within one, as listed there."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "entry")
    return tuple(
        entry
        for module in modules
        for entry in importlib.import_module(f"{__name__}.{module}").ENTRIES
    )


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
