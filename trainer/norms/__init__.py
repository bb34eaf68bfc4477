"""Normalizations of a hidden layer, one module each, called as documents call them.

A module joins by being in this folder and having a `NORM`; `db/norms.py` lists the names. What each
of them is, with its source, stands in docs/normalizations.md.
"""

import importlib
import pkgutil
from functools import cache

from .norm import NamedNorm, Norm, NormSettings

__all__ = ["NamedNorm", "Norm", "NormSettings", "norms"]


@cache
def norms() -> dict[str, Norm]:
    """Every norm by its name, which is that of its module."""
    found: dict[str, Norm] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "NORM"):
            found[info.name] = module.NORM
    return found
