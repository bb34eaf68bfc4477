"""§4.1 of Ioffe & Szegedy (2015): activations over time, on MNIST."""

from ..experiment import Experiment
from .entry import CatalogEntry

ENTRIES = (
    CatalogEntry(
        name="mnist-sigmoid",
        title="MNIST, sigmoid, with and without BatchNorm (paper §4.1)",
        claim=(
            "With BatchNorm the network reaches a higher test accuracy in far fewer steps, and "
            "the distribution of the inputs to its sigmoids stays much more stable (Figure 1)."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.1 and Figure 1",
        stated=(
            "28×28 binary images",
            "three hidden layers of 100 sigmoid units, then 10 outputs with cross-entropy",
            "BatchNorm on every hidden layer, before the sigmoid",
            "first weights: small random Gaussian values, the same for both networks here",
            "50,000 steps of 60 examples",
        ),
        left_open=(
            "the std of the first weights: 0.1 here; biases start at 0",
            "the learning rate: 0.1 here; larger ones narrow the gap",
            "the optimizer: plain SGD here",
            "the threshold of the binary image: half intensity here",
            "BatchNorm's ε and the momentum of its running statistics: 1e-5 and 0.1 here",
        ),
        experiment=Experiment(name="MNIST sigmoid: with and without BatchNorm"),
    ),
)
