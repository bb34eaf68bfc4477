"""Hooks on tensors: those whose tensors are gone are forgotten, at a cost that does not grow."""

from typing import Any

from shiftscope.trainer.hooks import TENSORS, Hooks


class Handle:
    """Of a hook on a tensor, as torch's; counts how often somebody looks whether that lives."""

    looks = 0

    def __init__(self, *, lives: bool) -> None:
        self.lives = lives

    def hooks_dict_ref(self) -> object:
        Handle.looks += 1
        return {} if self.lives else None

    def remove(self) -> None:
        pass


class Tensor:
    """Takes a hook, and keeps no gradient."""

    def __init__(self, *, lives: bool) -> None:
        self.lives = lives

    def register_hook(self, _hook: object) -> Handle:
        return Handle(lives=self.lives)


def look(hooks: Hooks, count: int, *, live: bool) -> int:
    """Put hooks on so many tensors; how often each was looked after, all together."""
    Handle.looks = 0
    for _ in range(count):
        tensor: Any = Tensor(lives=live)
        hooks.at_gradient(tensor, print)
    return Handle.looks


def test_a_hook_on_one_of_many_living_tensors_costs_no_more_than_on_one_of_few() -> None:
    assert look(Hooks(print), 16 * TENSORS, live=True) < 2 * 16 * TENSORS


def test_hooks_of_tensors_that_are_gone_are_forgotten() -> None:
    hooks = Hooks(print)
    look(hooks, 16 * TENSORS, live=False)
    assert len(hooks._tensors) <= TENSORS
