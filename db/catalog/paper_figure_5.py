"""Figure 5 of Ioffe & Szegedy (2015): Inception itself, for one who has images and a GPU."""

from ..arm import Arm
from ..experiment import Experiment
from ..looking import Recording
from ..network import Network
from ..optimizer import Optimizer
from .entry import CatalogEntry

LR = 0.0015
DECAY, DECAY_EVERY = 0.96, 8_000
ACCELERATED: dict[str, object] = {
    "norm": "batch",
    "lrn": False,
    "dropout": 0.0,
    "weight_decay": 8e-6,
    "decay": DECAY**6,
}
"""What §4.2.1 changes beside the learning rate."""


def _accelerated(name: str, times: int, **settings: object) -> Arm:
    return Arm.model_validate({"name": name, "lr": times * LR, **ACCELERATED, **settings})


ENTRIES = (
    CatalogEntry(
        name="inception",
        title="The paper’s own Inception, on a folder of images (Figure 5)",
        claim=(
            "The five networks of Figure 3, complete. It needs a GPU and a folder of images by "
            "class; no claim is decided here, mnist-inception does that in minutes."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.2 and Figure 5",
        stated=(
            "every filter of Figure 5, 224×224 images",
            "32 examples in a batch, SGD with momentum, learning rate 0.0015",
            "BN-x5 and BN-x30: 5 and 30 times the learning rate, and no dropout instead of 40 %, "
            "L2 a fifth, the learning rate decaying 6 times as fast, no LRN",
        ),
        left_open=(
            "the images: ImageNet’s 1.28 million there; a folder that fits into memory here, "
            "imagenet in the data folder unless you say another",
            "the projections of 4c and 4d: 96 here, with which their channels are those printed "
            "beside",
            "momentum 0.9, L2 4e-5 on all weights, the decay of the learning rate (0.96 every "
            "8,000 steps, then six times as fast), first weights by He: here",
            "the steps: 31 million there, 100,000 here; no distortion of the images here",
        ),
        experiment=Experiment(
            name="Inception: the five networks of Figure 3",
            dataset="folder",
            folder="imagenet",
            image_size=224,
            binary=False,
            standardize="channel",
            batch_size=32,
            network=Network(kind="inception", activation="relu", initialization="he", dropout=0.4),
            optimizer=Optimizer(
                lr=LR,
                momentum=0.9,
                weight_decay=4e-5,
                schedule="exponential",
                decay=DECAY,
                decay_every=DECAY_EVERY,
            ),
            steps=100_000,
            recording=Recording(record_every=50, evaluate_every=5_000, test_examples=5_000),
            arms=[
                Arm(name="Inception", lrn=True),
                Arm(name="BN-Baseline", norm="batch", lrn=True),
                _accelerated("BN-x5", 5),
                _accelerated("BN-x30", 30),
                _accelerated("BN-x5-Sigmoid", 5, activation="sigmoid"),
            ],
        ),
    ),
)
