"""What a loop logs: one value of each model, a number or a tensor that holds one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor


def of_each(key: str, value: Any, arms: Sequence[str], miss: Callable[[str], None]) -> list[Any]:
    """The value of each arm; None where there is none, or none that can be recorded.

    Args:
        key: What the value is called.
        value: As it was logged; of several arms one for each, in their order or by name.
        arms: Their names.
        miss: Called with a sentence where something cannot be recorded.
    """
    values = [value] * len(arms)
    if len(arms) > 1 and value is not None:
        if isinstance(value, Mapping):
            values = [] if set(value) - set(arms) else [value.get(arm) for arm in arms]
        else:
            values = list(value) if isinstance(value, (list, tuple)) else []
        if len(values) != len(arms):
            miss(
                f"{key}: a pair logs one value for each model, as a tuple or by the names "
                f"{', '.join(arms)}."
            )
            return [None] * len(arms)
    found = [_number(one) for one in values]
    if any(one is None and value is not None for one, value in zip(found, values, strict=True)):
        miss(f"{key}: a number or a tensor that holds one can be logged.")
    return found


def _number(value: Any) -> Any:
    """A number or a tensor that holds one; None for anything else."""
    if isinstance(value, Tensor):
        is_one = value.numel() == 1 and not (value.is_complex() or value.is_sparse or value.is_meta)
        return value.detach().reshape(()) if is_one else None
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
