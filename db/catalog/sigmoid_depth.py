"""Deep sigmoid networks, which §4.2.2 of Ioffe & Szegedy (2015) trains with BatchNorm only."""

from ..claims import Claim
from ..criteria import decided_at
from ..experiment import Experiment
from ..network import Network
from ..optimizer import Optimizer
from .entry import CatalogEntry

COMPARED_AT = 2_000
CHANCE = 0.15
TRAINED = 0.8


def trains_only_with_it(none: float, batch: float) -> bool:
    """E16b: near chance without BatchNorm, far above it with."""
    return none <= CHANCE and batch >= TRAINED


ENTRIES = (
    CatalogEntry(
        name="mnist-deep-sigmoid",
        title="MNIST, ten sigmoid layers, with and without BatchNorm (after paper §4.2.2)",
        claim=(
            "A deep network of sigmoids stays at chance; with BatchNorm the same network trains."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.2.2 (BN-x5-Sigmoid)",
        stated=(
            "sigmoid as the nonlinearity of every hidden layer",
            "BatchNorm before each of them, or nowhere",
            "without BatchNorm the network never does better than chance",
        ),
        left_open=(
            "whether a multilayer perceptron shows it: Inception on ImageNet in the source, ten "
            "hidden layers of 100 units on MNIST here",
            "the learning rate and the steps of such a network: 0.5 and 2,000 here",
            "what counts as chance and as trained: at most 15 % and at least 80 % of the test set "
            "here",
        ),
        experiment=Experiment(
            name="MNIST, ten sigmoid layers: with and without BatchNorm",
            network=Network(hidden=[100] * 10),
            optimizer=Optimizer(lr=0.5),
            steps=COMPARED_AT,
        ),
        claims=(
            Claim(
                number="E16b",
                statement="A deep sigmoid network trains with BatchNorm only.",
                source="After Ioffe & Szegedy, arXiv:1502.03167v3, §4.2.2: Inception there",
                criterion=(
                    "With ten hidden layers at learning rate 0.5: test accuracy at step 2,000 at "
                    "most 15 % without BatchNorm and at least 80 % with it."
                ),
                expected="reproduced",
                decide=decided_at(COMPARED_AT, trains_only_with_it),
            ),
        ),
    ),
)
