"""What is asked: the experiment, a validated document that the form, the CLI and the API all speak.

The JSON Schema of `Experiment` is the form of the page. Each setting carries a title, a
description, its default and range and, under `json_schema_extra`, its `unit` and its `group`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from .errors import FieldProblem, InvalidExperiment

# Without control characters: PostgreSQL can't store a zero byte, nor can a legend show a tab.
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
DatasetName = Literal["mnist", "digits"]
Activation = Literal["sigmoid", "tanh", "relu"]
Initialization = Literal["xavier", "gaussian"]
Norm = Literal["none", "batch"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
LearningRate = Annotated[Finite, Field(gt=0, le=1000)]
Width = Annotated[int, Field(ge=1, le=4096)]


class Document(BaseModel):
    """A part of an experiment: unknown keys are refused, nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(Document):
    """The multilayer perceptron that every arm trains, before the arm's own overrides."""

    hidden: list[Width] = Field(
        default=[100, 100, 100],
        min_length=1,
        max_length=64,
        title="Hidden layers",
        description="Units of each hidden layer, from the input to the output.",
        json_schema_extra={"unit": "units", "group": "Network"},
    )
    activation: Activation = Field(
        default="sigmoid",
        title="Activation",
        description="The nonlinearity of every hidden layer.",
        json_schema_extra={"group": "Network"},
    )
    initialization: Initialization = Field(
        default="xavier",
        title="Initialization",
        description="Distribution of the first weights: xavier is uniform on ±√(6/(in+out)), "
        "gaussian is N(0, initial std²). Biases start at 0.",
        json_schema_extra={"group": "Network"},
    )
    initial_std: float = Field(
        default=0.1,
        gt=0,
        le=100,
        allow_inf_nan=False,
        title="Initial std",
        description="Standard deviation of gaussian weights; xavier ignores it.",
        json_schema_extra={"group": "Network"},
    )
    bn_epsilon: float = Field(
        default=1e-5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="BatchNorm ε",
        description="Added to the variance before the square root (Algorithm 1 of the paper).",
        json_schema_extra={"group": "Network"},
    )
    bn_momentum: float = Field(
        default=0.1,
        gt=0,
        le=1,
        allow_inf_nan=False,
        title="BatchNorm momentum",
        description="Weight of the newest batch in the running mean and variance.",
        json_schema_extra={"group": "Network"},
    )


class Optimizer(Document):
    """Stochastic gradient descent on the mean cross-entropy of the batch."""

    lr: LearningRate = Field(
        default=0.1,
        title="Learning rate",
        description="Step size of SGD; an arm may override it.",
        json_schema_extra={"group": "Training"},
    )
    momentum: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        title="Momentum",
        description="Momentum of SGD; 0 is plain gradient descent.",
        json_schema_extra={"group": "Training"},
    )


class Arm(Document):
    """One treatment: a name and what it overrides. The first arm is the reference."""

    name: Name = Field(title="Name", description="How charts and exports call this arm.")
    norm: Norm = Field(
        default="none",
        title="Normalization",
        description="none, or batch: BatchNorm before every hidden nonlinearity (paper §3.2).",
    )
    lr: LearningRate | None = Field(
        default=None,
        title="Learning rate",
        description="Overrides the experiment's learning rate; empty keeps it.",
    )


class Recording(Document):
    """How often the observer looks."""

    record_every: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        title="Record every",
        description="Steps from one record of every layer to the next; 1 misses nothing.",
        json_schema_extra={"unit": "steps", "group": "Recording"},
    )
    evaluate_every: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        title="Evaluate every",
        description="Steps between evaluations on the test set; earlier ones follow at "
        "1, 2, 5, 10, 20, 50 … steps.",
        json_schema_extra={"unit": "steps", "group": "Recording"},
    )


class Experiment(Document):
    """The full specification of a run: dataset, network, arms, optimizer, steps, seeds, recording.

    Raises:
        pydantic.ValidationError: A setting is unknown, missing or out of range. `parse` turns it
            into `InvalidExperiment`.
    """

    name: Name = Field(
        default="Untitled pair", title="Name", description="How the list of runs calls it."
    )
    dataset: DatasetName = Field(
        default="mnist",
        title="Dataset",
        description="mnist: 60,000 + 10,000 handwritten digits. digits: 1,437 + 360 that come "
        "with scikit-learn, upsampled to 28×28, always there offline.",
        json_schema_extra={"group": "Data"},
    )
    binary: bool = Field(
        default=True,
        title="Binary images",
        description="Pixels above half intensity become 1, the others 0, as in the paper; "
        "otherwise gray values from 0 to 1.",
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
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d{1,2})?)$",
        title="Device",
        description="auto takes CUDA, else Apple's MPS, else the CPU; or cpu, mps, cuda, cuda:1 …",
        json_schema_extra={"group": "Training"},
    )
    recording: Recording = Field(default=Recording(), title="Recording")
    arms: list[Arm] = Field(
        default=[Arm(name="none", norm="none"), Arm(name="BatchNorm", norm="batch")],
        min_length=1,
        max_length=6,
        title="Arms",
        description="The treatments to compare; the first is the reference.",
        json_schema_extra={"group": "Arms"},
    )

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms: every arm needs a name of its own, got {', '.join(names)}.")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: every seed may appear once, got {self.seeds}.")
        if self.batch_size < 2 and any(arm.norm == "batch" for arm in self.arms):
            raise ValueError(
                "batch_size: BatchNorm needs at least 2 examples in a batch: with 1 the variance "
                "is 0 and every output equals β."
            )
        return self

    def learning_rate(self, arm: Arm) -> float:
        """The learning rate of an arm, in loss units per squared weight gradient."""
        return self.optimizer.lr if arm.lr is None else arm.lr


def parse(document: Mapping[str, Any]) -> Experiment:
    """Validate a document.

    Raises:
        InvalidExperiment: With one problem per offending setting, by its dotted path.
    """
    try:
        return Experiment.model_validate(document)
    except ValidationError as error:
        raise InvalidExperiment([_problem(detail) for detail in error.errors()]) from None


def with_settings(experiment: Experiment, settings: Sequence[str]) -> Experiment:
    """Apply `key=value` settings, as the command line gives them.

    A key is a dotted path (`optimizer.lr`) or its last word where that is unique (`lr`); a value
    is JSON, a comma-separated list, or plain text.

    Raises:
        InvalidExperiment: A key is not a setting, or a value is not allowed.
    """
    document = experiment.model_dump(mode="json")
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = _resolve(key.strip())
        if not equals:
            raise InvalidExperiment([FieldProblem(path, f"expected {path}=VALUE, got {setting!r}")])
        *parents, last = path.split(".")
        part = document
        for parent in parents:
            part = part[parent]
        # A setting that is text takes any text: a name may be 7.
        is_text = isinstance(part[last], str)
        part[last] = text.strip() if is_text else _value(text, is_list=isinstance(part[last], list))
    return parse(document)


def setting_paths() -> list[str]:
    """Every setting's dotted path, in the order of the form."""
    return list(_paths(Experiment.model_fields))


def _paths(fields: Mapping[str, FieldInfo], prefix: str = "") -> Iterator[str]:
    for name, field in fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Document):
            yield from _paths(kind.model_fields, f"{prefix}{name}.")
        else:
            yield prefix + name


def _resolve(key: str) -> str:
    paths = setting_paths()
    if key in paths:
        return key
    matches = [path for path in paths if path.rpartition(".")[2] == key]
    if len(matches) == 1:
        return matches[0]
    raise InvalidExperiment(
        [FieldProblem(key, f"is not a setting; expected one of {', '.join(paths)}.")]
    )


def _value(text: str, *, is_list: bool) -> Any:
    try:
        value = json.loads(text)
    except ValueError:  # no JSON, or a number too long to be one
        value = text.strip()
    if not is_list or isinstance(value, list):
        return value
    return [_value(part, is_list=False) for part in text.split(",")]


def _problem(detail: Any) -> FieldProblem:
    path = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"])
    if detail["type"] == "value_error":  # ours: "setting: sentence"
        field, _, sentence = message.removeprefix("Value error, ").partition(": ")
        return FieldProblem(path or field, sentence)
    if detail["type"] == "extra_forbidden":
        return FieldProblem(
            path, f"is not a setting; expected one of {', '.join(setting_paths())}."
        )
    if detail["type"] == "string_pattern_mismatch" and path == "device":
        return FieldProblem(path, f"expected auto, cpu, mps, cuda or cuda:N, got {detail['input']}")
    if detail["type"] == "string_pattern_mismatch":
        return FieldProblem(path, f"expected no control characters, got {_shown(detail['input'])}.")
    if detail["type"] == "missing":
        return FieldProblem(path, "is required.")
    return FieldProblem(path, f"{message}, got {_shown(detail['input'])}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
