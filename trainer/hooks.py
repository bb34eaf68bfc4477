"""Hooks on somebody else's model: no error leaves one, and no copy of the model carries one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

TENSORS = 4_096
"""Hooks of tensors up to which nobody looks whether their tensors are gone."""


class Hooks:
    """All hooks on one model, its tensors and its optimizers.

    Attributes:
        is_on: Whether they do anything.
        failed: Called with the error of a hook that failed.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self.is_on = True
        self.failed = failed
        self._handles: dict[str, list[Any]] = {}
        self._optimizers: list[Any] = []
        self._tensors: list[Any] = []
        self._most_tensors = TENSORS

    def hook(self, function: Callable[..., object], *first: object) -> "Hook":
        """A hook that calls a function with these arguments first."""
        return Hook(self, function, first)

    def before(self, path: str, module: Any, function: Callable[..., object], *first: Any) -> None:
        """Call a function before a module's forward pass; the path is for `remove`."""
        handle = module.register_forward_pre_hook(self.hook(function, *first))
        self._handles.setdefault(path, []).append(handle)

    def after(self, path: str, module: Any, function: Callable[..., object], *first: Any) -> None:
        """Call a function after a module's forward pass."""
        handle = module.register_forward_hook(self.hook(function, *first))
        self._handles.setdefault(path, []).append(handle)

    def around(
        self, optimizer: Any, before: Callable[..., object], after: Callable[..., object]
    ) -> None:
        """Call functions before and after an optimizer's steps."""
        self._optimizers.append(optimizer.register_step_pre_hook(self.hook(before)))
        self._optimizers.append(optimizer.register_step_post_hook(self.hook(after)))

    def at_gradient(self, tensor: Tensor, function: Callable[..., object], *first: Any) -> None:
        """Call a function with the gradient at a tensor; nothing keeps the tensor alive."""
        self._tensors.append(tensor.register_hook(self.hook(function, *first)))
        if len(self._tensors) > self._most_tensors:
            self._tensors = [one for one in self._tensors if one.hooks_dict_ref() is not None]
            # twice as many as live, so that looking costs each hook the same however many they are
            self._most_tensors = max(TENSORS, 2 * len(self._tensors))

    def remove(self, path: str) -> None:
        """Remove the hooks of one module."""
        for handle in self._handles.pop(path, []):
            handle.remove()

    def end(self, *, within: bool = False) -> None:
        """No hook does anything any more, and all are removed.

        Args:
            within: Whether a hook calls this. Then those of optimizers stay until it is called
                again: torch walks through them and would stumble.
        """
        self.is_on = False
        for path in list(self._handles):
            self.remove(path)
        for handle in self._tensors:
            handle.remove()
        self._tensors.clear()
        if not within:
            for handle in self._optimizers:
                handle.remove()
            self._optimizers.clear()


class Hook:
    """Calls a function, and says where it fails instead of raising.

    While torch.compile traces the model it does nothing at all, so that nothing of it gets into the
    compiled code. A copied or pickled model holds a `NoHook` in its place.
    """

    def __init__(
        self, hooks: Hooks, function: Callable[..., object], first: tuple[object, ...]
    ) -> None:
        self._hooks, self._function, self._first = hooks, function, first

    def __call__(self, *arguments: Any) -> None:
        if torch.compiler.is_compiling() or _is_traced() or not self._hooks.is_on:
            return
        try:
            self._function(*self._first, *arguments)
        except Exception as error:
            self._hooks.failed(error)

    def __reduce__(self) -> tuple[Any, ...]:
        return NoHook, ()


class NoHook:
    """What is left of a hook in a copy of the model: nothing happens."""

    def __call__(self, *_: Any) -> None:
        """Nothing."""


def _is_traced() -> bool:
    """Whether torch.jit.trace records what happens."""
    return torch._C._get_tracing_state() is not None
