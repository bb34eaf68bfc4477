"""BatchNorm before or after the nonlinearity: §3.2 of Ioffe & Szegedy (2015) and its variant."""

from ..arm import Arm
from ..claims import Claim
from ..criteria import decided_at
from ..experiment import Experiment
from ..optimizer import Optimizer
from .entry import CatalogEntry

COMPARED_AT = 5_000
WORKS = 0.94


def both_work(before: float, after: float) -> bool:
    """E12b: each place reaches an accuracy; which is higher does not matter."""
    return before >= WORKS and after >= WORKS


ENTRIES = (
    CatalogEntry(
        name="mnist-norm-place",
        title="MNIST, BatchNorm before and after the nonlinearity (paper §3.2)",
        claim=(
            "BatchNorm works at either place: the paper puts it right before the nonlinearity, "
            "others right after it, and both networks train well."
        ),
        source=(
            "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.2, for before; "
            "introductions to BatchNorm, for either"
        ),
        stated=(
            "before: z = g(BN(Wu)), without a bias, since β takes its part",
            "after: BN(g(Wu + b)), which the paper leaves aside, since the shape of a "
            "nonlinearity's output changes",
        ),
        left_open=(
            "dataset, network and batch size: those of the paper's §4.1 here",
            "the learning rate and the steps: 0.1 and 5,000 here",
            "what counts as working: 94 % of the test set here",
        ),
        experiment=Experiment(
            name="MNIST: BatchNorm before and after the sigmoid",
            optimizer=Optimizer(lr=0.1),
            steps=COMPARED_AT,
            arms=[
                Arm(name="before", norm="batch", norm_place="before"),
                Arm(name="after", norm="batch", norm_place="after"),
            ],
        ),
        claims=(
            Claim(
                number="E12b",
                statement="BatchNorm works before the nonlinearity and after it.",
                source="Introductions to BatchNorm; Ioffe & Szegedy, arXiv:1502.03167v3, §3.2",
                criterion=(
                    "At learning rate 0.1: test accuracy at step 5,000 at least 94 % with either; "
                    "which is higher is not decided."
                ),
                expected="reproduced",
                decide=decided_at(COMPARED_AT, both_work),
            ),
        ),
    ),
)
