"""Twins of anyone's model: equal functions where that is possible, and an untouched original."""

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import weight_norm

from shiftscope.db.errors import CannotTwin, ShiftscopeError
from shiftscope.trainer.feature_norm import Affine, FeatureBatchNorm
from shiftscope.trainer.normalizing import twin

# Folding rounds each weight once; a few layers of float32 add up to some 1e-5 of the output's size.
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


class Functional(nn.Module):
    """Activations and reshaping in forward; a batch-size-dependent view."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.conv_norm = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.fc1 = nn.Linear(6 * 4, 10)
        self.fc1_norm = nn.BatchNorm1d(10) if norm else nn.Identity()
        self.fc2 = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu_(self.conv_norm(self.conv(x))), 3)
        x = torch.sigmoid(self.fc1_norm(self.fc1(x.view(x.size(0), -1))))
        return F.log_softmax(self.fc2(x), dim=1)


class Residual(nn.Module):
    """torchvision's BasicBlock: one in-place ReLU for both places, and a projecting skip."""

    def __init__(self, inputs: int, units: int, norm: bool) -> None:
        super().__init__()
        bn = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(inputs, units, 3, padding=1, bias=not norm)
        self.bn1 = bn(units)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(units, units, 3, padding=1, bias=not norm)
        self.bn2 = bn(units)
        self.downsample = None
        if inputs != units:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, units, 1, bias=not norm), bn(units))

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += skip
        return self.relu(out)


def resnet(norm: bool) -> nn.Module:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return nn.Sequential(Residual(3, 4, norm), Residual(4, 4, norm), Residual(4, 8, norm), head)


class PreActivation(nn.Module):
    """norm, relu, convolution, twice: the first norm follows a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(5), nn.BatchNorm2d(5)
        self.conv1 = nn.Conv2d(5, 5, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(5, 5, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.bn1(x)))
        return self.conv2(F.relu(self.bn2(out), inplace=True)) + x


class Encoder(nn.Module):
    """A Transformer's encoder layer of linear maps, with LayerNorm, behind a patch embedding."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.patch_norm = nn.BatchNorm2d(8) if norm else None
        self.ln1, self.ln2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down, self.head = nn.Linear(8, 32), nn.Linear(32, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.patch(x)
        if self.patch_norm is not None:
            x = self.patch_norm(x)
        x = x.flatten(2).transpose(1, 2)
        batch, tokens, width = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(batch, tokens, 3, 2, width // 2).permute(2, 3, 0, 1, 4)
        scores = q @ k.transpose(-2, -1) / (width // 2) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask, float("-inf"))
        mixed = (scores.softmax(-1) @ v).permute(1, 2, 0, 3).reshape(batch, tokens, width)
        x = x + self.out(mixed)
        x = x + self.down(F.gelu(self.up(self.ln2(x))))
        return self.head(x.mean(1))


class Twice(nn.Module):
    """One linear map called twice, with one norm for both calls or a norm each."""

    def __init__(self, norms: int) -> None:
        super().__init__()
        self.shared = nn.Linear(6, 6)
        self.norms = nn.ModuleList(nn.BatchNorm1d(6) for _ in range(norms))
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        for call in range(2):
            x = self.shared(x)
            if len(self.norms):
                x = self.norms[call % len(self.norms)](x)
            x = torch.tanh(x)
        return self.head(x)


class Branching(nn.Module):
    """A forward that cannot be read without values, around blocks that can."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Linear(6, 6), nn.BatchNorm1d(6) if norm else nn.Identity(), nn.ReLU()
        )
        self.extra = nn.Linear(6, 6)
        self.extra_norm = nn.BatchNorm1d(6) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(x)
        return self.extra_norm(self.extra(x)) if x.sum() > 0 else x


def mlp(norm: bool) -> nn.Module:
    def block() -> list[nn.Module]:
        return [
            nn.Linear(6, 6, bias=not norm),
            *([nn.BatchNorm1d(6)] if norm else []),
            nn.Sigmoid(),
        ]

    return nn.Sequential(*block(), nn.Sequential(*block(), nn.Dropout(0.5)), nn.Linear(6, 3))


def separable(norm: bool) -> nn.Module:
    def norms(units: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(units)] if norm else []

    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, groups=3, bias=not norm), *norms(6), nn.ReLU6(inplace=True)),
        *(nn.Conv2d(6, 8, 1), *norms(8), nn.Hardswish(), nn.Conv2d(8, 2, 1)),
    )


def transposed(norm: bool) -> nn.Module:
    def norms(units: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(units)] if norm else []

    return nn.Sequential(
        *(nn.ConvTranspose2d(3, 4, 3, bias=False), *norms(4), nn.LeakyReLU(0.1)),
        *(nn.ConvTranspose2d(4, 6, 3, 2, groups=2), *norms(6), nn.Tanh(), nn.Conv2d(6, 3, 1)),
        nn.Sigmoid(),
    )


FLAT, IMAGE = (9, 6), (9, 3, 16, 16)
# name → builder, shape of an input, BatchNorms that fold, BatchNorms that become an Affine
NORMALIZED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int, int]] = {
    "mlp": (lambda: mlp(True), FLAT, 2, 0),
    "functional": (lambda: Functional(True), (9, 3, 8, 8), 2, 0),
    "resnet": (lambda: resnet(True), IMAGE, 8, 0),
    "pre-activation": (
        lambda: nn.Sequential(nn.Conv2d(3, 5, 1), PreActivation(), PreActivation()),
        *(IMAGE, 2, 2),
    ),
    "transformer": (lambda: Encoder(True), IMAGE, 1, 0),
    "depthwise": (lambda: separable(True), IMAGE, 2, 0),
    "transposed": (lambda: transposed(True), (4, 3, 5, 5), 2, 0),
    "twice, one norm": (lambda: Twice(1), FLAT, 1, 0),
    "twice, a norm each": (lambda: Twice(2), FLAT, 0, 2),
    "branching": (lambda: Branching(True), FLAT, 0, 2),
    "one dimension": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 2), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 2, 1)),
        *((5, 3, 9), 1, 0),
    ),
    "three dimensions": (
        lambda: nn.Sequential(nn.ConvTranspose3d(2, 4, 2, groups=2), nn.BatchNorm3d(4), nn.ReLU()),
        *((3, 2, 3, 3, 3), 1, 0),
    ),
    "no affine, synchronized": (
        lambda: nn.Sequential(
            *(nn.Linear(6, 4, bias=False), nn.BatchNorm1d(4, affine=False), nn.ReLU()),
            *(nn.Linear(4, 4), nn.SyncBatchNorm(4)),
        ),
        *(FLAT, 2, 0),
    ),
}
# name → builder, shape of an input, the layers that get a BatchNorm
PLAIN: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], list[str]]] = {
    "mlp": (lambda: mlp(False), FLAT, ["0", "2.0"]),
    "functional": (lambda: Functional(False), (9, 3, 8, 8), ["conv", "fc1"]),
    "resnet": (
        lambda: resnet(False),
        IMAGE,
        [
            *("0.conv1", "0.conv2", "0.downsample.0", "1.conv1", "1.conv2"),
            *("2.conv1", "2.conv2", "2.downsample.0"),
        ],
    ),
    "transformer": (lambda: Encoder(False), IMAGE, ["up"]),
    "depthwise": (lambda: separable(False), IMAGE, ["0", "2"]),
    "transposed": (lambda: transposed(False), (4, 3, 5, 5), ["0", "2"]),
    "twice": (lambda: Twice(0), FLAT, ["shared"]),
}


def used(model: nn.Module, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A model as after some training: running statistics, γ and β are anything, negative γ too."""
    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None:
            assert module.running_var is not None
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.3, 3)
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
    return model.to(dtype)


def snapshot(model: nn.Module) -> list[Any]:
    return [
        [
            (name, id(tensor), tensor.clone())
            for name, tensor in model.state_dict(keep_vars=True).items()
        ],
        [(name, id(module), module.training) for name, module in model.named_modules()],
        [(p.requires_grad, p.grad) for p in model.parameters()],
    ]


def assert_unchanged(model: nn.Module, before: list[Any]) -> None:
    now = snapshot(model)
    assert now[1:] == before[1:]
    for (name, place, value), (old_name, old_place, old_value) in zip(
        now[0], before[0], strict=True
    ):
        assert (name, place) == (old_name, old_place) and torch.equal(value, old_value)


def norms(model: nn.Module) -> list[_BatchNorm]:
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def difference(a: Tensor, b: Tensor) -> float:
    """Largest difference, in units of the largest value."""
    return ((a - b).abs().max() / b.abs().max().clamp(min=1e-300)).item()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", NORMALIZED)
def test_taking_out_keeps_the_function_of_inference_mode(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    build, shape, folded, affine = NORMALIZED[name]
    model, x = used(build(), dtype), torch.randn(shape, dtype=dtype)
    before = snapshot(model)
    plain = twin(model, "none")
    assert_unchanged(model, before)
    assert not norms(plain)
    assert sum(isinstance(m, Affine) for m in plain.modules()) == affine
    assert sum(isinstance(m, nn.Identity) for m in plain.modules()) == folded
    assert all(p.dtype == dtype for p in plain.parameters())
    with torch.no_grad():
        expected = model.eval()(x)
        assert difference(plain.eval()(x), expected) <= TOLERANCE[dtype]


@pytest.mark.parametrize("name", NORMALIZED)
def test_gradients_flow_through_a_twin_without_norms(name: str) -> None:
    torch.manual_seed(2)
    build, shape, _, _ = NORMALIZED[name]
    plain = twin(used(build()))
    plain(torch.randn(shape, dtype=torch.float64)).square().sum().backward()
    for path, parameter in plain.named_parameters():
        if name == "branching" and path.startswith("extra"):
            continue  # the branch was not taken, perhaps
        assert (parameter.grad is None) == (not parameter.requires_grad), path
        assert parameter.grad is None or parameter.grad.isfinite().all()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", PLAIN)
def test_putting_in_with_a_batch_keeps_the_function(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    build, shape, layers = PLAIN[name]
    model, x, other = build().to(dtype), *torch.randn((2, *shape), dtype=dtype)
    before = snapshot(model)
    normalized = twin(model, "batch", batch=x)
    assert_unchanged(model, before)
    assert len(norms(normalized)) == len(layers)
    for path in layers:
        layer = normalized.get_submodule(path)
        if isinstance(layer, nn.Sequential):
            layer = layer.get_submodule("layer")
        assert "bias" in layer._parameters and layer.bias is None, path
    with torch.no_grad():
        expected, expected_other = model.eval()(x), model(other)
        assert difference(normalized.eval()(x), expected) <= TOLERANCE[dtype]
        assert difference(normalized(other), expected_other) <= TOLERANCE[dtype]
        if name != "twice":  # there each call has statistics of its own
            for module in normalized.modules():
                module.training = not isinstance(module, nn.Dropout)
            assert difference(normalized(x), expected) <= TOLERANCE[dtype]


@pytest.mark.parametrize("name", PLAIN)
def test_without_a_batch_gamma_is_1_and_beta_the_old_bias(name: str) -> None:
    torch.manual_seed(4)
    build, shape, layers = PLAIN[name]
    model = build()
    normalized = twin(model, "batch")
    for path, norm in zip(layers, norms(normalized), strict=True):
        bias = dict(model.get_submodule(path).named_parameters()).get("bias")
        assert torch.equal(norm.weight, torch.ones_like(norm.weight))
        assert torch.equal(norm.bias, torch.zeros_like(norm.bias) if bias is None else bias)
    outputs: dict[_BatchNorm, Tensor] = {}
    for norm in norms(normalized):  # cloned, since an activation may be in place
        norm.register_forward_hook(lambda m, _, out: outputs.update({m: out.detach().clone()}))
    normalized(torch.randn(shape)).square().sum().backward()
    for norm, output in outputs.items():
        axis = output.dim() - 1 if isinstance(norm, FeatureBatchNorm) else 1
        units = output.movedim(axis, 0).flatten(1)
        assert torch.allclose(units.mean(1), norm.bias, atol=1e-5)  # training mode normalizes
        assert norm.weight.grad is not None and norm.weight.grad.isfinite().all()


def test_the_statistics_of_a_layer_called_twice_are_over_both_calls() -> None:
    torch.manual_seed(12)
    model, x = Twice(0).double(), torch.randn(FLAT, dtype=torch.float64)
    outputs: list[Tensor] = []
    handle = model.shared.register_forward_hook(lambda *given: outputs.append(given[2].detach()))
    model(x)
    handle.remove()
    [norm] = norms(twin(model, "batch", batch=x))
    variance, mean = torch.var_mean(torch.cat(outputs), 0, correction=0)
    assert norm.running_mean is not None and norm.running_var is not None
    assert torch.allclose(norm.running_mean, mean - model.shared.bias)  # the layer's bias is gone
    assert torch.allclose(norm.running_var, variance)
    assert torch.allclose(norm.weight, (variance + norm.eps).sqrt())
    assert torch.allclose(norm.bias, mean)


def test_the_norm_of_tokens_is_batchnorm_over_all_leading_axes() -> None:
    torch.manual_seed(5)
    ours, torchs = FeatureBatchNorm(6), nn.BatchNorm1d(6)
    tokens = torch.randn(4, 7, 6)
    assert torch.equal(ours(tokens), torchs(tokens.view(28, 6)).view(4, 7, 6))
    assert torch.equal(ours(tokens[0]), torchs(tokens[0]))
    assert all(map(torch.equal, ours.buffers(), torchs.buffers()))


@pytest.mark.parametrize("name", sorted(set(NORMALIZED) - {"branching", "no affine, synchronized"}))
def test_out_and_in_again(name: str) -> None:
    torch.manual_seed(6)
    build, shape, folded, _ = NORMALIZED[name]
    model, x = used(build()), torch.randn(shape, dtype=torch.float64)
    if name == "three dimensions":
        with pytest.raises(CannotTwin, match="and then another layer"):
            twin(twin(model, "none"), "batch", batch=x)
        return
    again = twin(twin(model, "none"), "batch", batch=x)
    assert len(norms(again)) >= max(folded, 1)
    with torch.no_grad():
        assert difference(again.eval()(x), model.eval()(x)) <= 1e-12


def test_norms_come_back_to_their_old_places() -> None:
    model = resnet(True)
    again = twin(twin(model, "none"), "batch")
    assert list(again.state_dict()) == list(model.state_dict())
    assert [type(m) for m in norms(again)] == [type(m) for m in norms(model)]


def test_a_norm_after_linear_tokens_is_folded_again() -> None:
    torch.manual_seed(7)
    x = torch.randn(IMAGE, dtype=torch.float64)
    normalized = used(twin(Encoder(False), "batch"))
    plain = twin(normalized, "none")
    assert not norms(plain) and not any(isinstance(m, Affine) for m in plain.modules())
    assert difference(plain.eval()(x), normalized.eval()(x)) <= 1e-12


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_sharing_stays_and_nothing_is_shared_with_the_original(norm: Any) -> None:
    torch.manual_seed(8)
    model = nn.Sequential(
        *(nn.Linear(6, 6), nn.BatchNorm1d(6) if norm == "none" else nn.Tanh(), nn.Tanh()),
        *(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)),
    )
    first, second, *_ = (m for m in model if isinstance(m, nn.Linear))
    second.weight = first.weight  # tied parameters
    model[5] = second  # a shared module
    used(model, torch.float32)
    copied = twin(model, norm)
    layers = [m for m in copied.modules() if isinstance(m, nn.Linear)]
    assert layers[1].weight is layers[0].weight and copied[5] is copied[3]
    assert len(layers) == 3
    x = torch.randn(5, 6)
    if norm == "none":  # folded into a tied weight it would change the other layer as well
        assert difference(copied.eval()(x), model.eval()(x)) <= 2e-5
    values = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for tensor in copied.state_dict().values():
            tensor.zero_()
    assert all(torch.equal(v, values[k]) for k, v in model.state_dict().items())


class Drawing(nn.Module):
    """Draws from every generator in forward, and remembers its input."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 6))
        self.tail = nn.Sequential(nn.ReLU(), nn.Linear(6, 6))
        self.seen: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        noise = torch.rand(6) * random.random() * np.random.rand()
        return self.tail(self.net(x) + noise)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_random_states_modes_and_hooks_are_left_alone(norm: Any) -> None:
    model = Drawing()
    model.net[1].eval()
    model.net[0].requires_grad_(False)
    calls: list[Any] = []
    model.net.register_forward_hook(lambda *given: calls.append(given))
    before = snapshot(model)
    states = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    copied = twin(model, norm, batch=torch.randn(4, 6, generator=torch.Generator()))
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), str(np.random.get_state()))
    assert_unchanged(model, before)
    assert model.seen is None and copied.seen is None
    assert len(calls) == (norm == "batch")  # the copy of the hook saw the batch
    frozen = [p.requires_grad for p in copied.net[0].parameters()]
    assert frozen and not any(frozen) and not copied.net[1].training
    assert copied.net.training and copied.tail.training


def test_frozen_layers_get_frozen_norms() -> None:
    model = mlp(False).requires_grad_(False)
    assert not any(p.requires_grad for p in twin(model, "batch").parameters())


def test_a_parametrized_layer_is_not_folded_but_still_equal() -> None:
    torch.manual_seed(9)
    model = used(nn.Sequential(weight_norm(nn.Linear(6, 6)), nn.BatchNorm1d(6), nn.ReLU()))
    plain, x = twin(model), torch.randn(FLAT, dtype=torch.float64)
    assert isinstance(plain.get_submodule("1"), Affine)
    assert difference(plain.eval()(x), model.eval()(x)) <= 1e-12


class Skipping(nn.Module):
    """The layer's output goes into the norm and, always or in one mode only, past it."""

    def __init__(self, modes: tuple[bool, ...]) -> None:
        super().__init__()
        self.modes = modes
        self.fc, self.bn = nn.Linear(6, 6), nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        z = torch.relu(self.bn(y))
        return z + y if self.training in self.modes else z


class Walking(nn.Module):
    """Never calls its Sequential but walks through it, in a forward that cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        seen = [x := layer(x) for layer in self.layers]
        return seen[0] + seen[2] if len(x) else x


@pytest.mark.parametrize(
    "build", [lambda: Skipping((True, False)), lambda: Skipping((False,)), Walking]
)
def test_an_output_that_goes_elsewhere_too_is_not_folded(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(10)
    model, x = used(build()), torch.randn(FLAT, dtype=torch.float64)
    plain = twin(model)
    assert sum(isinstance(m, Affine) for m in plain.modules()) == 1
    assert difference(plain.eval()(x), model.eval()(x)) <= 1e-12


def test_a_tied_decoder_keeps_its_layer() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.middle = nn.Linear(6, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            code = torch.relu(self.middle(torch.relu(self.encoder(x))))
            return F.linear(code, self.encoder.weight.t())

    model, x = Tied(), torch.randn(FLAT)
    with pytest.warns(UserWarning, match="how forward uses encoder is not known"):
        normalized = twin(model, "batch", batch=x)
    assert len(norms(normalized)) == 1
    assert difference(normalized(x), model(x)) <= 2e-5


def test_half_precision_keeps_its_dtype() -> None:
    model = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 6)).to(torch.bfloat16)
    model[1].float()  # norms are often kept in float32
    plain = twin(model).eval()
    assert plain[1].weight.dtype == torch.float32
    assert plain(torch.randn(FLAT, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_layers_in_a_forward_that_cannot_be_read_are_named() -> None:
    with pytest.warns(UserWarning, match=r"how forward uses extra is not known \(the model: Trace"):
        normalized = twin(Branching(False), "batch")
    assert isinstance(normalized.get_submodule("block.0.norm"), FeatureBatchNorm)
    assert len(norms(normalized)) == 1


class Own(nn.BatchNorm1d):
    """A BatchNorm that shiftscope does not know."""


class Wrong(nn.Module):
    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.stats = nn.Parameter(torch.ones(6)) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        if self.stats is not None:
            return F.batch_norm(y, torch.zeros(6), self.stats)
        return y if y.sum() > 0 else torch.relu(y)


def compiled() -> nn.Module:
    return nn.Sequential(torch.compile(mlp(True), backend="eager"))  # pyright: ignore


@pytest.mark.parametrize(
    ("build", "norm", "path", "words"),
    [
        (lambda: mlp(False), "none", "", 'no BatchNorm.*twin\\(model, "batch"\\)'),
        (lambda: Encoder(False), "none", "", "LayerNorm and other norms of single examples stay"),
        (lambda: mlp(True), "batch", "", "no Linear or Conv layer without a norm"),
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.Sigmoid()), "batch", "", "another layer"),
        (lambda: Wrong(False), "batch", "", "uses fc is not known .the model: TraceError"),
        (lambda: Wrong(True), "none", "", "F.batch_norm.*nn.BatchNorm1d"),
        (lambda: nn.Sequential(nn.Sequential(Own(3))), "none", "0.0", "Own is a BatchNorm of an"),
        (
            lambda: nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False)),
            *("none", "0", "running statistics.*track_running_stats=True"),
        ),
        (lambda: nn.Sequential(nn.LazyLinear(3)), "batch", "0", "no values yet.*lazy"),
        (lambda: nn.Linear(3, 3, device="meta"), "batch", "", "no values yet"),
        (compiled, "none", "0", "OptimizedModule.*before torch.compile"),
        (lambda: nn.DataParallel(mlp(True)), "none", "", "DataParallel.*before wrapping"),
        (lambda: nn.BatchNorm1d(3), "none", "", "itself a BatchNorm.*network"),
        (lambda: 3, "none", "", "it is a int.*nn.Module"),
        (lambda: mlp(True), "layer", "", '\'layer\'.*"none" or "batch"'),
    ],
)
def test_what_cannot_be_twinned_says_why(build: Any, norm: Any, path: str, words: str) -> None:
    model = build()
    with pytest.raises(CannotTwin, match=words) as raised:
        twin(model, norm)
    assert raised.value.path == path
    assert str(raised.value).startswith(path or "The model")
    assert isinstance(raised.value, ShiftscopeError)


def test_a_sharded_model_is_refused_by_its_name() -> None:
    """FSDP needs a process group; its class is known by name, as it is in torch."""
    wrapper = type(
        "FullyShardedDataParallel", (nn.Sequential,), {"__module__": "torch.distributed.fsdp"}
    )
    with pytest.raises(CannotTwin, match="before wrapping it in FSDP"):
        twin(wrapper(nn.Linear(2, 2), nn.BatchNorm1d(2)))


def test_a_batch_that_the_model_does_not_take() -> None:
    with pytest.raises(CannotTwin, match=r"fails on the batch.*RuntimeError.*tuple"):
        twin(mlp(False), "batch", batch=torch.randn(4, 7))


def test_a_batch_of_several_arguments() -> None:
    torch.manual_seed(11)
    model, x = Encoder(False).double(), torch.randn(IMAGE, dtype=torch.float64)
    mask = torch.ones(16, 16, dtype=torch.bool).triu(1)
    normalized = twin(model, "batch", batch=(x, mask))
    assert difference(normalized(x, mask), model(x, mask)) <= 1e-12


class Listed(nn.Module):
    """Holds its modules a second time, in a plain list, and calls them there."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.norm = nn.BatchNorm1d(8) if norm else nn.Identity()
        self.steps = [("first", self.first), {"norm": self.norm}]

    def forward(self, x: Tensor) -> Tensor:
        first, norm = self.steps[0][1], self.steps[1]["norm"]  # pyright: ignore
        return self.head(torch.relu(norm(first(x))))


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_modules_that_are_held_in_lists_too_are_swapped_there(norm: Any) -> None:
    model = used(Listed(norm == "none")).eval()
    x = torch.randn(9, 6, dtype=torch.float64)
    other = twin(model, norm, batch=x)
    assert difference(other(x), model(x)) < 1e-12
    assert len(norms(other)) == (norm == "batch")


class Reading(nn.Module):
    """A forward that needs more of its modules than their outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.first(x)).view(-1, self.norm.num_features))


class Capturing(nn.Module):
    """A lambda that calls the modules of the model that it was made in, in copies too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)
        self.hidden = lambda x: torch.relu(self.norm(self.first(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(x))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Reading, "no attribute 'num_features'). Let forward call"),
        (Capturing, "its copy still calls the Linear of the original"),
    ],
)
def test_a_copy_that_would_not_be_a_twin_is_refused(build: Any, words: str) -> None:
    with pytest.raises(CannotTwin) as caught:
        twin(build())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (torch.zeros(0, 3, 5, 5), "0 puts out nothing"),
        (torch.full((2, 3, 5, 5), torch.nan), "what is not finite"),
        (torch.zeros(3, 5, 5), "0 is given a single example"),
    ],
)
def test_a_batch_without_moments_is_refused(batch: Tensor, words: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    with pytest.raises(CannotTwin, match=words):
        twin(model, "batch", batch=batch)
