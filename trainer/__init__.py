"""Training and watching: `from shiftscope.trainer import watch, twin, Pair`.

The names are loaded when they are asked for, so that the worker and the recorder, which live in
this package too, start without torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .normalizing import twin as twin
    from .watching import Pair as Pair
    from .watching import watch as watch

__all__ = ["Pair", "twin", "watch"]
_MODULES = {"Pair": "watching", "watch": "watching", "twin": "normalizing"}


def __getattr__(name: str) -> Any:
    import importlib  # noqa: PLC0415  (as everything here: only when asked for)

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
