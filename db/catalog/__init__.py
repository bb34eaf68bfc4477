"""The catalog: experiments that come with the product, one module per family of claims.

A module joins the catalog by being in this folder and naming its entries in `ENTRIES`.
"""

import importlib
import pkgutil
from functools import cache

from ..errors import NotFound
from .entry import CatalogEntry

__all__ = ["CatalogEntry", "entries", "entry"]


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
