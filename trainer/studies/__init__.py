"""Studies: one module each, with a function `measure`, found by the name that a study has."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator

from ...db.datasets import DatasetName
from ...db.errors import SetupProblem
from ...db.study import Measurement, Study
from ..datasets import Images

__all__ = ["Load", "Measure", "names", "study"]

Load = Callable[[DatasetName], Images]
"""A dataset by its name."""
Measure = Callable[[Study, int, Load], Iterator[Measurement]]
"""(what is asked, the seed of this repetition, datasets) → what is found, as it is found."""


def names() -> list[str]:
    """The studies that there are."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def study(name: str) -> Measure:
    """The function that measures.

    Raises:
        SetupProblem: There is no such study.
    """
    if name not in names():
        raise SetupProblem(f"There is no study {name!r}; expected one of {', '.join(names())}.")
    return importlib.import_module(f"{__name__}.{name}").measure
