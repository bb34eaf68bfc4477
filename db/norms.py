"""Which normalizations an arm can have, by the names that documents, forms and commands use.

Each is a module of `trainer/norms/`, which has its formula. Here are only the names and what they
ask of an experiment: the server, which shows and validates documents, never loads torch.
"""

from typing import Literal

NormName = Literal[
    "none",
    "batch",
    "batch_explicit",
    "batch_detached",
    "batch_noisy",
    "batch_renorm",
    "layer",
    "group",
    "instance",
    "whitening",
    "iternorm",
    "weight_standardization",
]

OVER_EXAMPLES: frozenset[NormName] = frozenset(
    (
        "batch",
        "batch_explicit",
        "batch_detached",
        "batch_noisy",
        "batch_renorm",
        "whitening",
        "iternorm",
    )
)
"""Those whose statistics are of a batch; they have running statistics too."""
OVER_UNITS: frozenset[NormName] = frozenset(("layer", "group", "weight_standardization"))
"""Those whose statistics are of the units of one example."""
IN_GROUPS: frozenset[NormName] = frozenset(("group", "weight_standardization"))
"""Those of them that split the units into groups."""
OVER_POSITIONS: frozenset[NormName] = frozenset(("instance",))
"""Those whose statistics are of the positions of one channel of one example: of images only,
since a unit of a multilayer perceptron has one position, and every output would be β."""
