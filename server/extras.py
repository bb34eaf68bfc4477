"""Parts of the product that are installed on request: the extras of pyproject.toml."""

import importlib
from importlib.util import find_spec
from typing import Any

from ..db.errors import MissingExtra

MODULES = {"parquet": "pyarrow", "tensorboard": "tensorboard"}
"""By extra the package that it brings."""


def is_installed(extra: str) -> bool:
    """Whether an extra is there; loads nothing."""
    return find_spec(MODULES[extra]) is not None


def require(extra: str) -> None:
    """See that an extra is there, before work that needs it.

    Raises:
        MissingExtra: It is not installed.
    """
    if not is_installed(extra):
        raise MissingExtra(
            f"This needs {MODULES[extra]}, which is not installed: pip install shiftscope[{extra}]"
        )


def load(extra: str, module: str) -> Any:
    """A module of an extra's package, loaded only when it is asked for.

    Raises:
        MissingExtra: The extra is not installed.
    """
    require(extra)
    return importlib.import_module(module)
