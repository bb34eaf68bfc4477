"""The server, the commands, and `show` for notebooks: `from shiftscope.server import show`.

`show` is loaded when it is asked for, so that a command does not wait for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .notebook import show as show

__all__ = ["show"]


def __getattr__(name: str) -> Any:
    import importlib  # noqa: PLC0415  (only when asked for)

    if name != "show":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(".notebook", __name__).show
