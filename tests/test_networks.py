"""Networks of every kind have the layers, filters and shapes that documents say they have."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from shiftscope.db.arm import Arm
from shiftscope.db.datasets import SHAPES
from shiftscope.db.errors import InvalidExperiment
from shiftscope.db.experiment import Experiment
from shiftscope.db.layouts import INCEPTION, MICRO_INCEPTION, layers
from shiftscope.db.network import Network, NetworkKind
from shiftscope.db.parsing import parse
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.networks import networks
from shiftscope.trainer.networks.inception_module import InceptionModule
from shiftscope.trainer.twins import build, draw_weights

KINDS: list[NetworkKind] = list(get_args(NetworkKind))
CONVOLUTIONAL = [kind for kind in KINDS if kind != "mlp"]
SMALL = {"hidden": [8, 6], "channels": [4, 6], "blocks": 2, "width": 0.1}


def made(network: Network, arm: Arm, channels: int = 1, classes: int = 10) -> nn.Module:
    return networks()[network.kind](channels, classes, network, arm, 0)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shapes_of(network: nn.Module, images: Tensor) -> dict[str, tuple[int, ...]]:
    """By child of a network the shape of its output, without the examples."""
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            found[name] = tuple(output.shape[1:])

        return hook

    for name, child in network.named_children():
        child.register_forward_hook(note(name))
    network(images)
    return found


def test_documents_know_the_kinds_that_are_there() -> None:
    assert set(KINDS) == set(networks())


@pytest.mark.parametrize("order", ["post", "pre"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_has_the_layers_that_its_layout_says(kind: NetworkKind, order: str) -> None:
    """Weights of a shape, outputs of a side, in the order in which they are built."""
    shape = SHAPES["cifar10"]
    network = Network.model_validate({"kind": kind, "residual_order": order, **SMALL})
    inputs = shape[0] * shape[1] * shape[2] if kind == "mlp" else shape[0]
    built = made(network, Arm(name="a"), inputs)
    expected = layers(network, shape)
    weights = [tuple(p.shape) for p in built.parameters() if p.ndim > 1]
    assert weights == [layer.weight_shape for layer in expected]
    sides: dict[nn.Module, int] = {}

    def note(module: nn.Module, _inputs: object, output: Tensor) -> None:
        sides[module] = output.shape[2] if output.ndim == 4 else 1

    made_of = [m for m in built.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    for module in made_of:
        module.register_forward_hook(note)
    built(torch.zeros(2, *((inputs,) if kind == "mlp" else shape)))
    assert [sides[module] for module in made_of] == [layer.side for layer in expected]


@pytest.mark.parametrize("kind", KINDS)
def test_twins_of_every_kind_start_from_equal_weights(kind: NetworkKind) -> None:
    network = {"kind": kind, **SMALL}
    arms = [{"name": "a"}, {"name": "b", "norm": "batch"}, {"name": "c", "norm": "group"}]
    document = {"network": {**network, "norm_groups": 1}, "arms": arms}
    experiment = Experiment.model_validate(document)
    inputs = 12 if kind == "mlp" else 3
    weights = draw_weights(experiment.network, inputs, 5, seed=3)
    for arm in experiment.arms:
        built = build(experiment, arm, weights, 3, inputs=inputs)
        own = [p for p in built.parameters() if p.ndim > 1]
        assert all(torch.equal(a, b) for a, b in zip(own, weights, strict=True))
        for name, parameter in built.named_parameters():
            assert name.endswith("weight") or not parameter.any(), "biases and β start at 0"
    other = draw_weights(experiment.network, inputs, 5, seed=4)
    assert not torch.equal(weights[0], other[0])


def test_first_kernels_are_scaled_by_their_fan() -> None:
    """xavier: uniform on ±√(6/(in + out)), with in = inputs · size² and out = units · size²."""
    network = Network(kind="convolutional", channels=[64, 256], initialization="xavier")
    kernels = draw_weights(network, 1, 10, seed=0)[1]
    bound = (6 / ((64 + 256) * 9)) ** 0.5
    assert kernels.abs().max() <= bound
    assert kernels.std() == pytest.approx(bound / 3**0.5, rel=0.01)


def test_the_micro_inception_is_the_one_that_was_measured() -> None:
    """Filters by module and branch, 72 thousand parameters."""
    built = made(Network(kind="micro_inception"), Arm(name="a", norm="batch"))
    assert parameters(built) == 72_042
    modules = [m for m in built.modules() if isinstance(m, InceptionModule)]
    assert [m.units for m in modules] == [32, 60, 60, 116, 116]
    assert len(layers(Network(kind="micro_inception"), (1, 28, 28))) == 34
    assert [row.stride for row in MICRO_INCEPTION] == [1, 2, 1, 2, 1]
    found = shapes_of(built, torch.zeros(2, 1, 28, 28))
    assert found["output"] == (10,)
    assert found["stem1"] == (8, 14, 14) and found["a"] == (32, 14, 14)
    assert found["to_b"] == (60, 7, 7) and found["c"] == (116, 4, 4)


def test_inception_is_the_papers_figure_5() -> None:
    """With 1,000 classes: 11.19 million parameters; at 224×224 the sides of its table."""
    network = Network(kind="inception")
    found = layers(network, (3, 224, 224), 1000)
    with torch.device("meta"):
        built = made(network, Arm(name="a", norm="batch"), 3, 1000)
        shapes = shapes_of(built, torch.zeros(2, 3, 224, 224))
    assert [tuple(p.shape) for p in built.parameters() if p.ndim > 1] == [
        layer.weight_shape for layer in found
    ]
    assert parameters(built) == pytest.approx(11.19e6, rel=1e-3)
    assert shapes["output"] == (1000,)
    assert shapes["pointwise"] == (64, 112, 112) and shapes["pool1"] == (64, 56, 56)
    assert shapes["conv2"] == (192, 56, 56) and shapes["pool2"] == (192, 28, 28)
    outputs = [shapes[f"inception{row.name}"] for row in INCEPTION]
    assert outputs == [
        (256, 28, 28), (320, 28, 28), (576, 14, 14), (576, 14, 14), (576, 14, 14), (576, 14, 14),
        (576, 14, 14), (1024, 7, 7), (1024, 7, 7), (1024, 7, 7),
    ]  # fmt: skip


@pytest.mark.parametrize("order", ["post", "pre"])
def test_every_convolution_of_a_residual_network_has_its_norm_and_nonlinearity(order: str) -> None:
    network = Network.model_validate({"kind": "residual", "residual_order": order, **SMALL})
    built = made(network, Arm(name="a", norm="batch"))
    found = find_layers(built, torch.randn(4, 1, 12, 12)).layers
    norms = [layer.norm for layer in found]
    if order == "post":
        assert norms == ["batch"] * (len(found) - 1) + ["none"]
        return
    # ahead of a convolution: the first of a block stands behind a sum, by itself
    assert [layer.name for layer in found if layer.norm == "batch"][:3] == [
        "stem", "stage1_1.conv1", "stage1_2.norm1",
    ]  # fmt: skip
    assert found[-2].name == "end.norm" and found[-2].activation == "sigmoid"


def test_lrn_stands_in_the_stem() -> None:
    for kind in ("micro_inception", "inception"):
        built = made(Network(kind=kind, width=0.1), Arm(name="a", lrn=True))
        names = [name for name, _ in built.named_children()]
        assert "lrn1" in names and names.index("lrn2") < 9
        plain = made(Network(kind=kind, width=0.1), Arm(name="a"))
        assert parameters(built) == parameters(plain)


@pytest.mark.parametrize(
    ("network", "arm", "field", "says"),
    [
        (
            {"kind": "mlp"},
            {"norm": "instance"},
            "arms.0.norm",
            "a unit of a multilayer perceptron has",
        ),
        ({"kind": "mlp"}, {"lrn": True}, "arms.0.lrn", "in the stem of an Inception"),
        ({"kind": "residual"}, {"lrn": True}, "arms.0.lrn", "the network is of the kind residual"),
        (
            {"kind": "residual"},
            {"norm": "batch", "norm_place": "after"},
            "arms.0.norm_place",
            "network.residual_order says where",
        ),
        (
            {"kind": "convolutional", "channels": [8, 7]},
            {"norm": "group"},
            "network.norm_groups",
            "2 groups of one size can't be made of 7 channels",
        ),
        ({"kind": "vgg"}, {}, "network.kind", "'mlp', 'convolutional'"),
    ],
)
def test_what_a_kind_does_not_have_is_refused(
    network: dict[str, Any], arm: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        parse({"network": network, "arms": [{"name": "a", **arm}]})
    (problem,) = caught.value.problems
    assert problem.field == field and says in problem.message
