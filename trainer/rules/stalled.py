"""A run that stands still: no step for a long time, and it has not ended."""

import numpy as np

from .rule import Array, Rule, Seen

USUAL = 20
"""A wait has to be so many times the usual one, too: some steps take their time."""


def _measure(seen: Seen) -> Array:
    seconds = seen.of_network("seconds")
    earlier = np.append(seen.before.get("seconds", np.nan), seconds.ravel()[:-1])
    wait = seconds - earlier.reshape(seconds.shape)
    usual = np.nanmedian(wait) if np.isfinite(wait).any() else np.nan
    longest = np.where(np.isnan(wait), 0, wait).max(axis=-1, initial=0)
    return np.where(longest > USUAL * usual, longest, 0.0)


RULE = Rule(
    table="network_records",
    statistic="seconds",
    measures="seconds from one record to the next, where that is 20 times the usual",
    threshold=300,
    release=1,
    patience=1,
    of_run=True,
    measure=_measure,
    sentence="No step was trained for {value} s.",
    why="Its time and its device are taken, and nothing comes of it.",
    advice="See what it waits for: data that do not come, a full disk, another program on the same "
    "device, a machine that slept.",
    basis="5 minutes; SageMaker Debugger has 30",
)
