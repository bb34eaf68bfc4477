"""Ten Gaussian classes: images whose distribution, and so whose best accuracy, is known exactly.

An image of class c is x = 128 + 32 (4 p_c + e), rounded, from 0 to 255: e has 28×28 independent
standard normal values, and p_c is an image of length 1. The p_c are cosines (type II of the
discrete cosine transform), p(i, j) ∝ cos(π (i + ½) u / 28) cos(π (j + ½) v / 28) with (u, v) as in
`WAVES`, and orthogonal. So the best classifier takes the class whose p_c has the largest inner
product with the image, and is right with probability

    ∫ φ(t − 4) Φ(t)⁹ dt = 0.9832…

where φ and Φ are the density and distribution function of a standard normal variable. Rounding adds
0.008 % to the variance. The images are the same for every seed.
"""

import numpy as np

from .images import Images

SIDE, CLASSES = 28, 10
TRAINING, TEST = 10_000, 2_000
DISTANCE, NOISE, MIDDLE = 4, 32, 128
WAVES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0))
"""Half waves down and across, by class."""


def load() -> Images:
    """10,000 training and 2,000 test images; labels go round."""
    # RandomState's streams are frozen, those of numpy's newer generators are not.
    random = np.random.RandomState(0)
    labels = np.arange(TRAINING + TEST) % CLASSES
    noise = random.standard_normal((len(labels), SIDE, SIDE))
    values = MIDDLE + NOISE * (DISTANCE * patterns()[labels] + noise)
    images = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Images(images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:])


def patterns() -> np.ndarray:
    """p_c of every class, (10, 28, 28)."""
    at = np.pi * (np.arange(SIDE) + 0.5) / SIDE
    waves = np.array([np.outer(np.cos(u * at), np.cos(v * at)) for u, v in WAVES])
    return waves / np.sqrt(np.square(waves).sum((1, 2), keepdims=True))
