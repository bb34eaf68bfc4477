"""The network of an experiment: its kind, its layers, its first weights and its noise."""

from typing import Annotated, Literal

from pydantic import Field

from .document import Document, Finite

NetworkKind = Literal["mlp", "convolutional", "residual", "micro_inception", "inception"]
ResidualOrder = Literal["post", "pre"]
Activation = Literal["sigmoid", "tanh", "relu"]
Initialization = Literal["xavier", "he", "gaussian"]
Width = Annotated[int, Field(ge=1, le=4096)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=64)]
InitialStd = Annotated[Finite, Field(gt=0, le=100)]
Dropout = Annotated[Finite, Field(ge=0, lt=1)]
WeightNoise = Annotated[Finite, Field(ge=0, le=10)]
WeightScale = Annotated[Finite, Field(gt=0, le=100)]
Epsilon = Annotated[Finite, Field(gt=0, le=1)]
RunningMomentum = Annotated[Finite, Field(gt=0, le=1)]


class Network(Document):
    """The network that every arm trains, before the arm's own overrides."""

    kind: NetworkKind = Field(
        default="mlp",
        title="Kind",
        description="mlp: a multilayer perceptron. convolutional: 3×3 convolutions in a row. "
        "residual: the same with shortcuts. micro_inception: Inception made small for 28×28 and "
        "32×32 images. inception: Figure 5 of the paper, for large images and a GPU.",
        json_schema_extra={"group": "Network"},
    )
    hidden: Widths = Field(
        default=[100, 100, 100],
        title="Hidden layers",
        description="Units of each hidden layer of an mlp, from the input to the output; other "
        "kinds ignore it.",
        json_schema_extra={"unit": "units", "group": "Network"},
    )
    channels: list[Width] = Field(
        default=[16, 32, 64],
        min_length=1,
        max_length=8,
        title="Channels",
        description="Channels of each stage of a convolutional or residual network; each stage but "
        "the first halves the image. Other kinds ignore it.",
        json_schema_extra={"unit": "channels", "group": "Network"},
    )
    blocks: int = Field(
        default=1,
        ge=1,
        le=32,
        title="Blocks",
        description="In each stage: convolutions of a convolutional network, pairs of them with a "
        "shortcut of a residual one. Other kinds ignore it.",
        json_schema_extra={"unit": "blocks", "group": "Network"},
    )
    residual_order: ResidualOrder = Field(
        default="post",
        title="Residual order",
        description="post: norm and nonlinearity behind each convolution, the last nonlinearity "
        "behind the sum (He et al. 2015). pre: both ahead of each convolution (2016). Only "
        "residual has it.",
        json_schema_extra={"group": "Network"},
    )
    width: float = Field(
        default=1.0,
        gt=0,
        le=4,
        allow_inf_nan=False,
        title="Width",
        description="Multiplies all filters of the two Inceptions; other kinds ignore it.",
        json_schema_extra={"unit": "×", "group": "Network"},
    )
    activation: Activation = Field(
        default="sigmoid",
        title="Activation",
        description="The nonlinearity of every hidden layer.",
        json_schema_extra={"group": "Network"},
    )
    initialization: Initialization = Field(
        default="gaussian",
        title="Initialization",
        description="Distribution of the first weights: xavier is uniform on ±√(6/(in+out)), he is "
        "N(0, 2/in), gaussian is N(0, initial std²). Biases start at 0.",
        json_schema_extra={"group": "Network"},
    )
    initial_std: InitialStd = Field(
        default=0.1,
        title="Initial std",
        description="Standard deviation of gaussian weights; xavier and he ignore it.",
        json_schema_extra={"group": "Network"},
    )
    bn_epsilon: Epsilon = Field(
        default=1e-5,
        title="Norm ε",
        description="Added to the variance before the square root (Algorithm 1 of the paper), in "
        "every norm; an arm may override it.",
        json_schema_extra={"group": "Network"},
    )
    bn_momentum: RunningMomentum = Field(
        default=0.1,
        title="Running momentum",
        description="Weight of the newest batch in a norm's running mean and variance; an arm may "
        "override it.",
        json_schema_extra={"group": "Network"},
    )
    norm_groups: int = Field(
        default=2,
        ge=1,
        le=4096,
        title="Norm groups",
        description="Into how many groups group and weight_standardization split the units or "
        "channels of a hidden layer.",
        json_schema_extra={"unit": "groups", "group": "Network"},
    )
    dropout: Dropout = Field(
        default=0.0,
        title="Dropout",
        description="Share of the outputs of every hidden layer of an mlp, or of what enters the "
        "output layer of another kind, that training sets to 0 at random; the others are divided "
        "by 1 − share. Inference keeps all.",
        json_schema_extra={"group": "Network"},
    )
    weight_noise: WeightNoise = Field(
        default=0.0,
        title="Weight noise",
        description="Gaussian noise on every weight, new at each training step, as a share of the "
        "std of its weight matrix. Inference has none.",
        json_schema_extra={"unit": "stds", "group": "Network"},
    )
