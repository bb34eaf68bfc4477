"""Which modules of somebody else's model are looked at, and what is inside its wrappings."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ..db.errors import SetupProblem, shown

Pattern = str | type[nn.Module]
Patterns = Pattern | Sequence[Pattern] | None
Selection = Callable[[str, nn.Module], bool]
"""Decides by path and module what is looked at."""


def select(include: Patterns, exclude: Patterns) -> Selection:
    """What matches `include`, if there is one, and not `exclude`.

    Raises:
        SetupProblem: A pattern is neither a text nor a module class.
    """
    wanted, unwanted = _listed("include", include), _listed("exclude", exclude)

    def decide(path: str, module: nn.Module) -> bool:
        if wanted and not any(_matches(pattern, path, module) for pattern in wanted):
            return False
        return not any(_matches(pattern, path, module) for pattern in unwanted)

    return decide


def unwrapped(model: Any) -> list[nn.Module]:
    """The model and what is inside torch.compile, DDP and DataParallel, the outermost first.

    The last one is the model itself, whose paths are those of its own code.

    Raises:
        SetupProblem: It is no module, or has parameters without a shape yet.
    """
    found: list[nn.Module] = []
    while isinstance(model, nn.Module):
        found.append(model)
        if "_orig_mod" in model._modules:
            model = model._modules["_orig_mod"]
        elif isinstance(model, (nn.parallel.DistributedDataParallel, nn.DataParallel)):
            model = model.module
        else:
            break
    if not isinstance(model, nn.Module):
        raise SetupProblem(f"watch needs a torch.nn.Module, got {shown(model)}.")
    if any(nn.parameter.is_lazy(parameter) for parameter in model.parameters()):
        raise SetupProblem(
            "The model has lazy modules, whose parameters have no shape yet: pass one batch "
            "through it first."
        )
    return found


def _listed(name: str, patterns: Patterns) -> list[Pattern]:
    if patterns is None:
        return []
    listed: list[Any] = [patterns]
    if isinstance(patterns, Iterable) and not isinstance(patterns, (str, type)):
        listed = list(patterns)
    for pattern in listed:
        if not isinstance(pattern, str) and not _is_module_class(pattern):
            raise SetupProblem(
                f'{name} takes patterns of module paths, such as "encoder.*", or module classes, '
                f"got {pattern!r}."
            )
    return listed


def _is_module_class(pattern: object) -> bool:
    return isinstance(pattern, type) and issubclass(pattern, nn.Module)


def _matches(pattern: Pattern, path: str, module: nn.Module) -> bool:
    if isinstance(pattern, str):
        return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}.*")
    return isinstance(module, pattern)
