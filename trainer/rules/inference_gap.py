"""A network that is worse in inference mode than with the statistics of the batch."""

import numpy as np

from .rule import Array, Rule, Seen

EARLY = 100
"""Steps in which running statistics still come from where they began, at the usual momentum."""


def _measure(seen: Seen) -> Array:
    inference = seen.of_network("test_accuracy")[:, 0]
    of_batch = seen.of_network("test_accuracy_batch_statistics")[:, 0]
    return np.where(seen.steps[:, 0] < EARLY, np.nan, of_batch - inference)


RULE = Rule(
    table="evaluations",
    statistic="test_accuracy",
    measures="test accuracy with batch statistics − that with running statistics, after step 100",
    threshold=0.05,
    release=0.5,
    patience=3,
    measure=_measure,
    sentence="In inference mode the test accuracy is {percent} of the test set lower than with "
    "batch statistics.",
    why="The network knows more than it shows: its running statistics do not fit its weights, and "
    "accuracies by them understate it.",
    advice="Raise the running momentum (network.bn_momentum), or take the statistics anew from the "
    "training set after training.",
    basis="our own: 5 points in 3 evaluations in a row; healthy networks of the catalog have 1",
)
