"""Rules that look for faults in a run's records, one module each, called as documents call them.

A module joins by being in this folder and having a `RULE`; `db/rules.py` lists the names, and
docs/findings.md has every threshold with its source. None of them needs torch.
"""

import importlib
import pkgutil
from functools import cache
from typing import cast

from ...db.rules import RuleName
from .rule import NetworkFacts, Offender, Rule, Seen

__all__ = ["NetworkFacts", "Offender", "Rule", "Seen", "rules"]


@cache
def rules() -> dict[RuleName, Rule]:
    """Every rule by its name, which is that of its module."""
    found: dict[RuleName, Rule] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "RULE"):
            found[cast("RuleName", info.name)] = module.RULE
    return found
