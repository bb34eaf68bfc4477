"""Test loss that rises while the training loss goes on falling."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    inference = seen.of_network("test_loss")[:, 0]
    # with the batch's statistics where there are: the gap between the two has a rule of its own
    of_batch = seen.of_network("test_loss_batch_statistics")[:, 0]
    test = np.where(np.isnan(of_batch), inference, of_batch)
    train = seen.of_network("train_loss")[:, 0]
    known = np.where(np.isfinite(test) & np.isfinite(train), test, np.inf)
    if not len(known):
        return known
    best = np.fmin.accumulate(known)
    train_at_best = train[np.maximum.accumulate(np.where(known == best, np.arange(len(best)), 0))]
    still_falls = train < 0.9 * train_at_best
    with np.errstate(all="ignore"):
        risen = np.where(best > 0, known / best, np.nan)
    return np.where(np.isfinite(risen), np.where(still_falls, risen, 1.0), np.nan)


RULE = Rule(
    table="evaluations",
    statistic="test_loss",
    measures="test loss ÷ the lowest so far, while the training loss is 10 % below that time’s",
    threshold=1.3,
    release=0.9,
    patience=3,
    measure=_measure,
    sentence="The test loss is {value} × its lowest, and the training loss still falls.",
    why="What the network learns now it learns of the training examples alone.",
    advice="Stop where the test loss was lowest, add dropout or weight decay, or train on more "
    "examples.",
    basis="SageMaker Debugger has (test − training) ÷ training above 0.1, once, which healthy "
    "networks pass; ours is a rise of 30 % in 3 evaluations in a row",
)
