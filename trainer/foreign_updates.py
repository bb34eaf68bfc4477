"""Updates that are not of the watched optimizers: seen by what they do to the parameters."""

import operator
from collections.abc import Callable, Sequence

from torch import nn

STRANGE = 3
"""So many in a row are no reset of the weights, but another optimizer."""


class ForeignUpdates:
    """Notices them, by the versions of the trained parameters."""

    def __init__(self, parameters: Sequence[nn.Parameter], miss: Callable[[str], None]) -> None:
        """`miss` is called with a sentence once there are too many."""
        self._parameters = parameters
        self._miss = miss
        self._is_ours = False
        self._versions: list[int] = []
        """When the latest backward pass began or update was over."""
        self._strange = 0
        """Since ours."""

    def begin_ours(self) -> None:
        """A watched optimizer's update begins."""
        self._is_ours = True

    def end_ours(self, *, looking: bool) -> None:
        """It is over; `looking`: in a step that is looked at."""
        self._is_ours, self._strange = False, 0
        self._versions = self._versions_now() if looking else []

    def have_come(self, *, tell: bool) -> bool:
        """Whether most parameters changed since the latest backward pass or update of ours.

        Not all of them need to, nor does it take an update where only some do: so does a forward
        pass with `max_norm`. `tell`: whether too many of them are told.
        """
        before, self._versions = self._versions, self._versions_now()
        changed = sum(map(operator.ne, before, self._versions))
        is_moved = not self._is_ours and 2 * changed > len(self._versions) == len(before)
        self._strange += is_moved
        if self._strange == STRANGE and tell:
            self._miss(
                "Updates that are not of the watched optimizers: give watch all of them, and a new "
                "one to a watch of its own."
            )
        return is_moved

    def _versions_now(self) -> list[int]:
        return [p._version for p in self._parameters if p.requires_grad]
