"""What is asked: the experiment, a validated document that the form, the CLI and the API all speak.

The JSON Schema of `Experiment` is the form of the page. Each setting carries a title, a
description, its default and range and, under `json_schema_extra`, its `unit`, its `group` and what
it means to be `empty`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import Field, StringConstraints, model_validator

from .arm import Arm
from .datasets import HANDWRITTEN, SHAPES, DatasetName, Standardize
from .document import Document, Name
from .layouts import layers
from .looking import Recording
from .network import Network
from .norms import IN_GROUPS, OVER_EXAMPLES, OVER_POSITIONS, OVER_UNITS
from .optimizer import Optimizer
from .rules import Diagnosis

# A path as it is typed; control characters are none.
Folder = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Part = TypeVar("Part", bound=Document)


class Experiment(Document):
    """The full specification of a run: dataset, network, arms, optimizer, steps, seeds, recording.

    Raises:
        pydantic.ValidationError: A setting is unknown, missing or out of range; `parsing.parse`
            turns it into `InvalidExperiment`.
    """

    name: Name = Field(
        default="Untitled pair", title="Name", description="How the list of runs calls it."
    )
    dataset: DatasetName = Field(
        default="mnist",
        title="Dataset",
        description="mnist: 60,000 + 10,000 handwritten digits. fashion_mnist: the same of "
        "articles of clothing. cifar10: 50,000 + 10,000 photographs in colour, 32×32. digits: "
        "1,437 + 360 that come with scikit-learn, upsampled to 28×28. synthetic: 10,000 + 2,000 "
        "of ten Gaussian classes, 28×28. folder: your own images. digits and synthetic are always "
        "there offline.",
        json_schema_extra={"group": "Data"},
    )
    folder: Folder = Field(
        default="",
        title="Image folder",
        description="For the dataset folder: where train/CLASS/*.jpg and test/CLASS/*.jpg lie, or "
        "CLASS/*.jpg, of which a fifth is the test set; JPEG or PNG. A path on the worker's "
        "machine, from the data folder on where it is relative.",
        json_schema_extra={"group": "Data", "empty": "no folder"},
    )
    image_size: int = Field(
        default=32,
        ge=8,
        le=512,
        title="Image size",
        description="For the dataset folder: the shorter side of an image is brought to this "
        "length, and the square in the middle is kept. Others keep their size.",
        json_schema_extra={"unit": "pixels", "group": "Data"},
    )
    gray: bool = Field(
        default=False,
        title="Gray images",
        description="Colour becomes gray: one channel instead of three.",
        json_schema_extra={"group": "Data"},
    )
    binary: bool = Field(
        default=True,
        title="Binary images",
        description="Pixels above half intensity become 1, the others 0, as in the paper; "
        "otherwise values from 0 to 1. Not for images in colour. A document without it means "
        "true for mnist and digits, else false.",
        json_schema_extra={"group": "Data"},
    )
    standardize: Standardize = Field(
        default="none",
        title="Standardize",
        description="channel: subtract the training set's mean of each colour channel and divide "
        "by its standard deviation; pixel: likewise for each input by itself.",
        json_schema_extra={"group": "Data"},
    )
    batch_size: int = Field(
        default=60,
        ge=1,
        le=1024,
        title="Batch size",
        description="Examples in each mini-batch; the same for every arm.",
        json_schema_extra={"unit": "examples", "group": "Data"},
    )
    train_examples: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        title="Training examples",
        description="Train on that many examples, taken at equal distances from the training set; "
        "empty trains on all. The test set stays whole.",
        json_schema_extra={"unit": "examples", "group": "Data", "empty": "all"},
    )
    network: Network = Field(default=Network(), title="Network")
    optimizer: Optimizer = Field(default=Optimizer(), title="Optimizer")
    steps: int = Field(
        default=50_000,
        ge=1,
        le=10_000_000,
        title="Steps",
        description="Mini-batches to train on.",
        json_schema_extra={"unit": "steps", "group": "Training"},
    )
    seeds: list[Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(
        default=[0],
        min_length=1,
        max_length=16,
        title="Seeds",
        description="One pair of twins for each seed: the same first weights and batches.",
        json_schema_extra={"group": "Training"},
    )
    twins: bool = Field(
        default=True,
        title="Twins",
        description="The arms of a seed start from the same first weights and see the same "
        "batches, so that what differs was caused by the arms. Otherwise each arm draws its own, "
        "as members of an ensemble should: then they are no twins, and chance differs too.",
        json_schema_extra={"group": "Training"},
    )
    ensemble: bool = Field(
        default=False,
        title="Ensemble",
        description="The networks of all arms also predict together, those of each seed by "
        "themselves: the mean of their class probabilities is evaluated on the test set beside "
        "each of them. Nothing else changes.",
        json_schema_extra={"group": "Training"},
    )
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,2})?)$",
        title="Device",
        description="auto takes CUDA, else Apple's MPS, else the CPU; or cpu, mps, cuda, cuda:1 …",
        json_schema_extra={"group": "Training"},
    )
    recording: Recording = Field(default=Recording(), title="Recording")
    diagnosis: Diagnosis = Field(default=Diagnosis(), title="Diagnosis")
    arms: list[Arm] = Field(
        default=[Arm(name="none", norm="none"), Arm(name="BatchNorm", norm="batch")],
        min_length=1,
        max_length=24,
        title="Arms",
        description="The treatments to compare; the first is the reference.",
        json_schema_extra={"group": "Arms"},
    )

    @model_validator(mode="before")
    @classmethod
    def _binary_as_usual(cls, document: Any) -> Any:
        """A document that does not say it means binary images where that is usual."""
        if not isinstance(document, Mapping):
            return document
        given = cast("Mapping[str, Any]", document)
        return {"binary": given.get("dataset", "mnist") in HANDWRITTEN, **given}

    @model_validator(mode="after")
    def _images_agree(self) -> Self:
        if self.dataset == "folder" and not self.folder:
            raise ValueError(
                "folder: is required for the dataset folder: the path of a folder of images by "
                "class, on the worker's machine."
            )
        if self.folder and self.dataset != "folder":
            raise ValueError(
                f"folder: {self.dataset} does not come from it. Leave it empty, or choose the "
                "dataset folder."
            )
        if self.binary and self.input_shape[0] > 1:
            raise ValueError(
                f"binary: the dataset {self.dataset} is in colour, and half intensity makes no "
                "black and white of that. Set binary to false, or gray to true."
            )
        return self

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms: every arm needs a name of its own, got {', '.join(names)}.")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: every seed may appear once, got {self.seeds}.")
        if self.ensemble and len(self.arms) < 2:
            raise ValueError(
                "ensemble: the arms of a seed predict together, which takes at least 2 of them; "
                "got 1. Add an arm."
            )
        norms = {arm.norm for arm in self.arms}
        if self.batch_size < 2 and norms & OVER_EXAMPLES:
            raise ValueError(
                "batch_size: BatchNorm needs at least 2 examples in a batch: with 1 the variance "
                "is 0 and every output equals β."
            )
        if self.train_examples is not None and self.train_examples < self.batch_size:
            raise ValueError(
                f"train_examples: a batch needs {self.batch_size} examples, got "
                f"{self.train_examples}. Take more of them, or a smaller batch_size."
            )
        for index, arm in enumerate(self.arms):
            self._check_kind(index, arm)
            self._check_arm(index, arm)
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        shape = SHAPES.get(self.dataset, (3, self.image_size, self.image_size))
        return (1, *shape[1:]) if self.gray else shape

    def _check_kind(self, index: int, arm: Arm) -> None:
        """Raises ValueError for what the kind of network does not have."""
        kind = self.network.kind
        if arm.norm in OVER_POSITIONS and kind == "mlp":
            raise ValueError(
                f"arms.{index}.norm: {arm.norm} normalizes each unit of an example over its "
                "positions, and a unit of a multilayer perceptron has only one: every output "
                "would be β. Choose layer or group, or a convolutional kind of network."
            )
        if arm.lrn and kind not in ("inception", "micro_inception"):
            raise ValueError(
                f"arms.{index}.lrn: it stands in the stem of an Inception; the network is of the "
                f"kind {kind}."
            )
        if arm.per_activation and kind not in ("inception", "micro_inception"):
            raise ValueError(
                f"arms.{index}.per_activation: it is for the last module of an Inception; the "
                f"network is of the kind {kind}."
            )
        if arm.per_activation and arm.norm != "batch":
            raise ValueError(
                f"arms.{index}.per_activation: only batch can normalize each activation by itself; "
                f"the arm's norm is {arm.norm}."
            )
        if arm.per_activation and arm.norm_place == "after":
            raise ValueError(
                f"arms.{index}.norm_place: with per_activation the norm of the last module stands "
                "before the nonlinearity (paper §4.2.3); expected before. Or set per_activation "
                "to false."
            )
        if arm.weight_scale != 1 and kind == "mlp":
            raise ValueError(
                f"arms.{index}.weight_scale: it is of convolutions, of which an mlp has none; "
                "expected 1. Set initial_std instead."
            )
        if arm.norm_place == "after" and kind == "residual":
            raise ValueError(
                f"arms.{index}.norm_place: in a residual network network.residual_order says where "
                "norms are; expected before."
            )
        if arm.hidden is not None and kind != "mlp":
            raise ValueError(
                f"arms.{index}.hidden: only an mlp has them; the network is of the kind {kind}."
            )

    def _check_arm(self, index: int, arm: Arm) -> None:
        """Raises ValueError for what an arm's settings and the experiment's come to together."""
        network, optimizer = self.network_of(arm), self.optimizer_of(arm)
        widths = [layer.units for layer in layers(network, self.input_shape) if layer.is_hidden]
        groups, of_mlp = network.norm_groups, network.kind == "mlp"
        of_widths = "network.hidden" if arm.hidden is None else f"arms.{index}.hidden"
        what = "units" if of_mlp else "channels"
        if of_mlp and arm.norm in OVER_UNITS and min(widths) < 2:
            raise ValueError(
                f"{of_widths}: a norm over the units of a layer needs at least 2 of them: with 1 "
                "the variance is 0 and every output equals β."
            )
        for units in widths if arm.norm in IN_GROUPS else ():
            if units % groups or (of_mlp and units == groups):
                least = ", of at least 2 units each," if of_mlp else ""
                raise ValueError(
                    f"{of_widths if of_mlp else 'network.norm_groups'}: {groups} groups of one "
                    f"size{least} can't be made of {units} {what}. Change that width, or "
                    "network.norm_groups."
                )
        if optimizer.algorithm == "adam" and optimizer.momentum:
            of_momentum = "optimizer" if arm.momentum is None else f"arms.{index}"
            raise ValueError(
                f"{of_momentum}.momentum: adam has β₁ in its place; expected 0, got "
                f"{optimizer.momentum:g}. Set optimizer.beta1, or optimizer.algorithm to sgd."
            )
        if arm.decay is not None and optimizer.schedule not in ("exponential", "step"):
            raise ValueError(
                f"arms.{index}.decay: the schedule {optimizer.schedule} has no such factor. Set "
                "optimizer.schedule to exponential or step, or leave it empty."
            )

    def drawn_by(self, seed: int, arm: int) -> int:
        """The seed that first weights, batches and noise of an arm are drawn by.

        Of twins the experiment's own; otherwise no two networks of the run have the same.

        Args:
            seed: One of the seeds.
            arm: The arm's place.
        """
        return seed if self.twins else seed * len(self.arms) + arm

    def network_of(self, arm: Arm) -> Network:
        """The network of an arm: the experiment's with what the arm overrides."""
        return _overridden(self.network, arm)

    def optimizer_of(self, arm: Arm) -> Optimizer:
        """The optimizer of an arm: the experiment's with what the arm overrides."""
        return _overridden(self.optimizer, arm)


def _overridden(part: Part, arm: Arm) -> Part:
    """A part of the experiment with the arm's settings of the same names, where it has them."""
    own = {name: getattr(arm, name, None) for name in type(part).model_fields}
    return part.model_copy(update={name: v for name, v in own.items() if v is not None})
