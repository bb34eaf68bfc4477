"""The layers of any model: what is found, and what is said of what is not."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from shiftscope.trainer.discovery import Discovery, find_layers

Found = tuple[str, str, str, str, str]
"""Name, kind, norm, activation, and the module whose output is the preactivation."""


class Functional(nn.Module):
    """Activations that are no modules."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(torch.tanh(self.a(x)))
        return self.d(functional.softplus(self.c(functional.gelu(x))))


class Block(nn.Module):
    """As torchvision has it: one in-place ReLU for both places, and an addition in place."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.down = None
        if stride > 1:
            short = nn.Conv2d(before, after, 1, stride, bias=False)
            self.down = nn.Sequential(short, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.down is None else self.down(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = Block(4, 4, 1)
        self.layer2 = Block(4, 8, 2)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


class Preactivated(nn.Module):
    """He et al. (2016): norm and nonlinearity come before the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.bn1, self.bn2, self.bn = (nn.BatchNorm2d(4) for _ in range(3))
        self.conv1, self.conv2 = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        u = self.conv1(functional.relu(self.bn1(x)))
        x = x + self.conv2(functional.relu(self.bn2(u)))
        return self.fc(functional.relu(self.bn(x)).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 6, batch_first=True)
        self.cell = nn.GRUCell(6, 5)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        seen, _ = self.lstm(x)
        state = x.new_zeros(len(x), 5)
        for moment in seen.unbind(1):
            state = self.cell(moment, state)
        return self.out(state)


class Shared(nn.Module):
    """One linear map and its norm, twice a step."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.norm, self.out = nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(2):
            x = functional.silu(self.norm(self.map(x)))
        return self.out(x)


class Odd(nn.Module):
    """A parameter of its own, a module that nobody calls, inputs that are no floats."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.words, self.map, self.unused = nn.Embedding(9, 8), nn.Linear(8, 6), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.map(self.words(x).mean(1))) * self.scale


FLAT, IMAGE, TEXT = torch.zeros(4, 8), torch.zeros(4, 1, 8, 8), torch.zeros(4, 5, 8)
SEQUENTIAL = nn.Sequential(
    nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(6, 3)
)
TRANSFORMER = nn.TransformerEncoder(
    nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1, enable_nested_tensor=False
)


@pytest.mark.parametrize(
    ("model", "inputs", "expected"),
    [
        (SEQUENTIAL, FLAT, [
            ("0", "Linear", "batch", "sigmoid", "1"),
            ("4", "Linear", "none", "none", "4"),
        ]),
        (Functional(), FLAT, [
            ("a", "Linear", "none", "tanh", "a"),
            ("b", "Linear", "none", "gelu", "b"),
            ("c", "Linear", "none", "softplus", "c"),
            ("d", "Linear", "none", "none", "d"),
        ]),
        (ResNet(), IMAGE, [
            ("conv1", "Conv2d", "batch", "relu", "bn1"),
            ("layer1.conv1", "Conv2d", "batch", "relu", "layer1.bn1"),
            # what enters the ReLU is a sum, which is no layer's own
            ("layer1.conv2", "Conv2d", "batch", "none", "layer1.bn2"),
            ("layer2.conv1", "Conv2d", "batch", "relu", "layer2.bn1"),
            ("layer2.conv2", "Conv2d", "batch", "none", "layer2.bn2"),
            ("layer2.down.0", "Conv2d", "batch", "none", "layer2.down.1"),
            ("fc", "Linear", "none", "none", "fc"),
        ]),
        (Preactivated(), IMAGE, [
            ("stem", "Conv2d", "batch", "relu", "bn1"),
            ("conv1", "Conv2d", "batch", "relu", "bn2"),
            ("conv2", "Conv2d", "none", "none", "conv2"),
            ("bn", "BatchNorm2d", "batch", "relu", "bn"),  # of a sum: it stands alone
            ("fc", "Linear", "none", "none", "fc"),
        ]),
        (TRANSFORMER, TEXT, [
            ("layers.0.norm1", "LayerNorm", "layer", "none", "layers.0.norm1"),
            ("layers.0.linear1", "Linear", "none", "relu", "layers.0.linear1"),
            ("layers.0.linear2", "Linear", "none", "none", "layers.0.linear2"),
            ("layers.0.norm2", "LayerNorm", "layer", "none", "layers.0.norm2"),
        ]),
        (Recurrent(), TEXT, [
            ("lstm", "LSTM", "none", "none", "lstm"),
            ("cell", "GRUCell", "none", "none", "cell"),
            ("out", "Linear", "none", "none", "out"),
        ]),
        (Shared(), FLAT, [
            ("map", "Linear", "layer", "silu", "norm"),
            ("out", "Linear", "none", "none", "out"),
        ]),
    ],
    ids=["sequential", "functional", "resnet", "preactivated", "transformer", "recurrent",
         "shared"],
)  # fmt: skip
def test_layers_of_models_as_people_write_them(
    model: nn.Module, inputs: Tensor, expected: list[Found]
) -> None:
    found = found_in(find_layers(model, inputs))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.LeakyReLU(), "leaky_relu"),
        (nn.LeakyReLU(0.2, inplace=True), "unknown"),  # nowhere as flat as 5 % of its maximum
        (nn.ELU(), "elu"),
        (nn.SELU(), "unknown"),
        (nn.Softplus(), "softplus"),
        (nn.Softplus(beta=3), "unknown"),
        (nn.GELU(approximate="tanh"), "unknown"),
        (nn.LeakyReLU(inplace=True), "leaky_relu"),
        (nn.ELU(inplace=True), "elu"),
        (nn.ReLU6(inplace=True), "relu6"),
        (nn.Hardtanh(), "hardtanh"),
        (nn.Hardtanh(-2, 2), "unknown"),
        (nn.CELU(), "unknown"),
        (nn.PReLU(), "unknown"),
        (nn.Softmax(-1), "none"),
    ],
    ids=str,
)
def test_a_nonlinearity_with_other_parameters_is_another_one(
    activation: nn.Module, expected: str
) -> None:
    model = nn.Sequential(nn.Linear(8, 8), activation)
    assert find_layers(model, torch.ones(4, 8)).layers[0].activation == expected


def test_a_preactivation_that_enters_two_things_has_no_one_nonlinearity() -> None:
    class Swish(nn.Linear):
        pass

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.map = Swish(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            u = self.map(x)
            return u * u.sigmoid()

    assert found_in(find_layers(Gated(), FLAT)) == [("map", "Swish", "none", "unknown", "map")]


def found_in(discovery: Discovery) -> list[Found]:
    return [(x.name, x.kind, x.norm, x.activation, x.output) for x in discovery.layers]


def test_layers_come_in_the_order_of_their_first_call() -> None:
    names = [layer.name for layer in find_layers(ResNet(), IMAGE).layers]
    assert names[:2] == ["conv1", "layer1.conv1"] and names[-1] == "fc"
    assert names.index("layer1.conv2") < names.index("layer2.conv1")


def test_units_are_counted_along_the_axis_that_holds_them() -> None:
    convolution = find_layers(ResNet(), IMAGE).layers[0]
    assert (convolution.shape, convolution.unit_axis) == ((4, 4, 8, 8), 1)
    linear = find_layers(TRANSFORMER, TEXT).layers[1]
    assert (linear.shape, linear.unit_axis) == ((4, 5, 16), 2)
    assert linear.plan().sampling.units == 16


def test_modules_that_are_called_again_are_one_layer_with_all_calls() -> None:
    shared, cell = find_layers(Shared(), FLAT).layers[0], find_layers(Recurrent(), TEXT).layers[1]
    assert (shared.calls, cell.calls) == (2, 5)
    assert shared.plan().sampling.elements == 2 * 4 * 8
    assert cell.plan().sampling.units == 5
    assert [tuple(weight.shape) for weight in cell.weights] == [(15, 6), (15, 5)]


def test_frozen_layers_are_found_and_what_cannot_be_told_is_not_guessed() -> None:
    model = nn.Sequential(*(m for _ in range(2) for m in
                            (nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())))  # fmt: skip
    for parameter in model[:2].parameters():
        parameter.requires_grad_(False)
    assert found_in(find_layers(model, FLAT)) == [
        ("0", "Linear", "none", "unknown", "0"),  # no graph passes through
        ("1", "BatchNorm1d", "batch", "unknown", "1"),
        ("3", "Linear", "batch", "relu", "4"),
    ]


def test_autocast_hides_nothing() -> None:
    model = nn.Sequential(
        nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.LayerNorm(8), nn.GELU()
    )
    with torch.autocast("cpu", torch.bfloat16):
        found = found_in(find_layers(model, FLAT))
    assert found == [("0", "Linear", "batch", "relu", "1"), ("3", "Linear", "layer", "gelu", "4")]


def test_what_is_skipped_is_said_with_a_reason() -> None:
    discovery = find_layers(Odd(), torch.zeros(4, 3).long())
    assert [name for name, *_ in found_in(discovery)] == ["words", "map"]
    reasons = {skipped.name: skipped.reason for skipped in discovery.skipped}
    assert set(reasons) == {"scale", "unused"}
    assert "did not call it" in reasons["unused"] and "no activation" in reasons["scale"]


def test_only_what_is_wanted_is_looked_at() -> None:
    discovery = find_layers(ResNet(), IMAGE, lambda path, _: path.startswith("layer2"))
    assert {layer.name.split(".")[0] for layer in discovery.layers} == {"layer2"}
    assert discovery.skipped == []


def test_a_plan_holds_what_the_norm_is_made_of() -> None:
    model = nn.Sequential(
        nn.Linear(8, 6, bias=False), nn.BatchNorm1d(6, eps=1e-3, momentum=0.2), nn.Tanh(),
        nn.Linear(6, 6), nn.BatchNorm1d(6, affine=False, track_running_stats=False),
    )  # fmt: skip
    first, second = (layer.plan() for layer in find_layers(model, FLAT).layers)
    assert (first.epsilon, first.momentum) == (1e-3, 0.2)
    assert (first.running, first.gamma, first.beta) == (True, True, True)
    assert (second.running, second.gamma, second.beta) == (False, False, False)


def test_looking_for_layers_leaves_no_trace() -> None:
    model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3))
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    find_layers(model, torch.ones(4, 8))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
