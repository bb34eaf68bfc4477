"""Every norm computes its formula, forward and backward; what is said of norms holds of them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from shiftscope.db.arm import Arm
from shiftscope.db.experiment import Experiment
from shiftscope.db.network import Network
from shiftscope.db.norms import IN_GROUPS, OVER_EXAMPLES, OVER_POSITIONS, OVER_UNITS, NormName
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.evaluation import evaluate
from shiftscope.trainer.networks.mlp import mlp
from shiftscope.trainer.norms import NormSettings, norms
from shiftscope.trainer.norms.batch_detached import BatchDetached
from shiftscope.trainer.norms.batch_explicit import BatchExplicit, BatchNormFunction
from shiftscope.trainer.norms.batch_noisy import BatchNoisy
from shiftscope.trainer.norms.batch_renorm import BEGIN, D_END, R_END, BatchRenorm
from shiftscope.trainer.norms.hashed_noise import normal, uniform
from shiftscope.trainer.norms.iternorm import IterNorm
from shiftscope.trainer.norms.population import take_averages
from shiftscope.trainer.norms.running import RunningNorm
from shiftscope.trainer.norms.weight_standardization import StandardizedLinear
from shiftscope.trainer.norms.whitening import Whitening

NAMES: list[NormName] = [name for name in get_args(NormName) if name not in OVER_POSITIONS]
"""Those of multilayer perceptrons; test_norms_of_images.py has those of images."""
UNITS, EXAMPLES = 6, 9
OURS: list[type[RunningNorm]] = [
    BatchExplicit, BatchDetached, BatchNoisy, BatchRenorm, Whitening, IterNorm,
]  # fmt: skip
LIKE_TORCH: list[type[RunningNorm]] = [BatchExplicit, BatchRenorm]
"""Those that are BatchNorm, at the beginning at least."""


def drawn(*shape: int, seed: int = 0, grad: bool = False) -> Tensor:
    """Not centred, and of unequal scales, in float64."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(*shape, generator=generator, dtype=torch.float64)
    scales = torch.linspace(0.5, 3, shape[-1], dtype=torch.float64)
    return (values * scales + scales).requires_grad_(grad)


def layer(name: NormName, **settings: Any) -> nn.Module:
    """A norm in float64, its γ and β moved from 1 and 0."""
    made = norms()[name].make(UNITS, NormSettings(**settings))
    assert made is not None
    with torch.no_grad():
        for at, parameter in enumerate(made.parameters()):
            parameter.add_(drawn(UNITS, seed=at + 1) * 0.1)
    return made.double()


def test_documents_know_the_norms_that_are_there() -> None:
    folder = Path(__file__).resolve().parents[1] / "trainer" / "norms"
    modules = {file.stem for file in folder.glob("*.py") if "\nNORM = " in file.read_text("utf-8")}
    assert {*NAMES, *OVER_POSITIONS} == set(norms()) == modules
    assert set(NAMES) == {"none"} | OVER_EXAMPLES | OVER_UNITS and IN_GROUPS <= OVER_UNITS
    assert not OVER_EXAMPLES & OVER_UNITS


def test_the_page_knows_which_norms_have_running_statistics() -> None:
    page = (Path(__file__).resolve().parents[1] / "web" / "layers.js").read_text("utf-8")
    (pattern,) = re.findall(r"isBatchNorm = .*/(.+)/\.test\(norm\)", page)
    assert {name for name in NAMES if re.search(pattern, name)} == OVER_EXAMPLES


@pytest.mark.parametrize("name", NAMES)
def test_a_layers_norm_is_found_with_its_name_and_what_it_has(name: NormName) -> None:
    network = mlp(8, 3, Network(hidden=[UNITS, 4], bn_momentum=0.3), Arm(name="a", norm=name))
    layers = find_layers(network, torch.randn(EXAMPLES, 8)).layers
    assert [one.name for one in layers] == ["hidden1", "hidden2", "output"]
    assert [one.norm for one in layers] == [name, name, "none"]
    plan = layers[0].plan()
    assert (plan.activation, plan.unit_axis, plan.shape) == ("sigmoid", 1, (EXAMPLES, UNITS))
    assert plan.running == (name in OVER_EXAMPLES)
    assert plan.gamma == plan.beta == (name != "none")
    assert plan.momentum == (0.3 if plan.running else 0)
    assert [tuple(weight.shape) for weight in layers[0].weights] == [(UNITS, 8)]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "none"])
def test_a_norm_after_the_nonlinearity_is_a_layer_by_itself(name: NormName) -> None:
    arm = Arm(name="a", norm=name, norm_place="after")
    network = mlp(8, 3, Network(hidden=[UNITS], activation="tanh"), arm)
    found = find_layers(network, torch.randn(EXAMPLES, 8)).layers
    assert [(one.name, one.norm, one.activation) for one in found] == [
        ("hidden1", "none", "tanh"), ("hidden1_norm", name, "none"), ("output", "none", "none"),
    ]  # fmt: skip
    assert network.get_submodule("hidden1").bias is not None


@pytest.mark.parametrize("name", [name for name in NAMES if name != "none"])
def test_an_arm_overrides_epsilon_momentum_and_affine(name: NormName) -> None:
    arm = Arm(name="a", norm=name, affine=False, bn_epsilon=0.5, bn_momentum=0.25)
    network = Experiment(network=Network(hidden=[UNITS]), arms=[arm]).network_of(arm)
    normalization: Any = mlp(8, 3, network, arm).get_submodule("hidden1_norm")
    assert normalization.eps == 0.5 and not list(normalization.parameters())
    assert getattr(normalization, "momentum", 0.25) == 0.25
    normalization: Any = mlp(
        8, 3, Network(hidden=[UNITS], bn_epsilon=0.1), Arm(name="b", norm=name)
    ).get_submodule("hidden1_norm")
    assert normalization.eps == 0.1 and len(list(normalization.parameters())) == 2


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("none", "batch_detached")]
)  # fmt: skip
def test_gradients_are_those_of_finite_differences(name: NormName, affine: bool) -> None:
    module = layer(name, affine=affine)
    if isinstance(module, RunningNorm):
        module.track_running_stats = False  # each call of many is the same step
    names = [name for name, _ in module.named_parameters()]
    values = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(module, given, (x,))

    assert torch.autograd.gradcheck(run, (drawn(EXAMPLES, UNITS, grad=True), *values))


def test_gradients_of_standardized_weights_are_those_of_finite_differences() -> None:
    linear = StandardizedLinear(5, UNITS).double()

    def run(weight: Tensor, x: Tensor) -> Tensor:
        return torch.func.functional_call(linear, {"weight": weight}, (x,))

    weight = drawn(UNITS, 5, seed=3, grad=True)
    assert torch.autograd.gradcheck(run, (weight, drawn(4, 5, grad=True)))
    with torch.no_grad():
        linear.weight.copy_(weight)  # not the random first weights, of which a row may vary little
    standardized = linear.standardized()
    assert standardized.mean(1).abs().max() < 1e-12
    assert (standardized.std(1) - 1).abs().max() < 1e-4  # 1e-5 stands beside the std


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", LIKE_TORCH)
def test_what_torch_has_is_equal_to_it(kind: type[RunningNorm], affine: bool) -> None:
    """Forward, backward, running statistics and inference, over ten batches."""
    ours = kind(UNITS, 1e-5, 0.2, affine).double()
    torchs = nn.BatchNorm1d(UNITS, 1e-5, 0.2, affine).double()
    for step in range(10):
        inputs = [drawn(EXAMPLES, UNITS, seed=step, grad=True) for _ in range(2)]
        outputs = [module(x) for module, x in zip((ours, torchs), inputs, strict=True)]
        close(*outputs)
        for output in outputs:
            (output * drawn(EXAMPLES, UNITS, seed=100 + step)).sum().backward()
        close(*[x.grad for x in inputs])
        for mine, theirs in zip(ours.parameters(), torchs.parameters(), strict=True):
            close(mine.grad, theirs.grad)
        for mine, theirs in zip(ours.buffers(), torchs.buffers(), strict=True):
            close(mine, theirs)
    x = drawn(EXAMPLES, UNITS, seed=50)
    close(ours.eval()(x), torchs.eval()(x))


def close(ours: Any, theirs: Any) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_the_backward_pass_is_the_papers() -> None:
    """Its own form of the chain rule, which goes by way of dσ² and dμ (§3)."""
    x, dy = drawn(EXAMPLES, UNITS), drawn(EXAMPLES, UNITS, seed=1)
    gamma, beta, epsilon = drawn(UNITS, seed=2, grad=True), drawn(UNITS, seed=3, grad=True), 1e-3
    entered = x.clone().requires_grad_()
    BatchNormFunction.apply(entered, gamma, beta, epsilon)[0].backward(dy)
    mean, variance = x.mean(0), x.var(0, correction=0)
    root = (variance + epsilon).sqrt()
    of_normalized = dy * gamma.detach()
    of_variance = (of_normalized * (x - mean)).sum(0) * -0.5 / root**3
    of_mean = -of_normalized.sum(0) / root + of_variance * (-2 * (x - mean)).mean(0)
    expected = of_normalized / root + of_variance * 2 * (x - mean) / EXAMPLES + of_mean / EXAMPLES
    close(entered.grad, expected)
    close(gamma.grad, (dy * (x - mean) / root).sum(0))
    close(beta.grad, dy.sum(0))


@pytest.mark.parametrize("name", ["batch", "batch_explicit"])
def test_the_jacobian_couples_examples_as_the_formula_says(name: NormName) -> None:
    """∂yⱼ/∂xᵢ = γr(δᵢⱼ − 1/m − x̂ᵢx̂ⱼ/m), where r = 1/√(σ² + ε)."""
    module, x = layer(name), drawn(EXAMPLES, UNITS)
    jacobian: Any = torch.autograd.functional.jacobian(module, x)
    r = (x.var(0, correction=0) + 1e-5).rsqrt()
    normalized, eye = (x - x.mean(0)) * r, torch.eye(EXAMPLES, dtype=torch.float64)
    for unit in range(UNITS):
        outer = torch.outer(normalized[:, unit], normalized[:, unit])
        gamma: Any = module.weight
        expected = gamma[unit] * r[unit] * (eye - 1 / EXAMPLES - outer / EXAMPLES)
        assert (jacobian[:, unit, :, unit] - expected).abs().max() < 1e-12


def test_detached_statistics_leave_the_gradient_of_a_fixed_line() -> None:
    module: Any = layer("batch_detached")
    x, dy = drawn(EXAMPLES, UNITS, grad=True), drawn(EXAMPLES, UNITS, seed=1)
    y = module(x)
    y.backward(dy)
    close(y, layer("batch")(x))
    r = (x.var(0, correction=0) + 1e-5).rsqrt()
    close(x.grad, (dy * module.weight * r).detach())


def test_the_bias_before_a_batch_norm_has_no_gradient_unless_statistics_are_detached() -> None:
    for name in sorted(OVER_EXAMPLES):
        linear = nn.Linear(5, UNITS).double()
        y = layer(name)(linear(drawn(EXAMPLES, 5)))
        (y * drawn(EXAMPLES, UNITS, seed=1)).sum().backward()
        assert linear.bias.grad is not None and linear.weight.grad is not None
        largest = linear.bias.grad.abs().max() / linear.weight.grad.abs().max()
        assert (largest > 1e-3) == (name == "batch_detached"), name
        assert (largest < 1e-12) == norms()[name].cancels_bias, name


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("none", "batch")])
@pytest.mark.parametrize("factor", [0.01, 0.1, 10, 100])
def test_larger_weights_change_nothing_but_their_own_gradients(
    name: NormName, factor: float
) -> None:
    """BN((aW)u) = BN(Wu), and ∂/∂(aW) is 1/a of ∂/∂W (paper §3.3); ε is 0,
    which PyTorch's BatchNorm refuses."""
    found = []
    for scale in (1, factor):
        module = layer(name, epsilon=0.0)
        weight = (drawn(UNITS, 8, seed=5) * scale).requires_grad_()
        u = drawn(EXAMPLES, 8, seed=6, grad=True)
        y = module(u @ weight.mT)
        (y * drawn(EXAMPLES, UNITS, seed=7)).sum().backward()
        assert weight.grad is not None
        found.append((y.detach(), u.grad, weight.grad * scale))
    for one, other in zip(*found, strict=True):
        assert one is not None and other is not None
        assert (one - other).abs().max() < 1e-12 * max(1, one.abs().max())


@pytest.mark.parametrize("kind", [BatchExplicit, BatchDetached, BatchRenorm])
def test_gamma_and_beta_can_restore_the_input(kind: type[RunningNorm]) -> None:
    module, x = kind(UNITS).double(), drawn(EXAMPLES, UNITS)
    with torch.no_grad():
        module.weight.copy_((x.var(0, correction=0) + module.eps).sqrt())
        module.bias.copy_(x.mean(0))
    assert (module(x) - x).abs().max() < 1e-12


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, *OURS])
def test_one_example_is_no_batch(kind: type[nn.BatchNorm1d]) -> None:
    module = kind(UNITS)
    with pytest.raises(ValueError, match=r"more than 1 value per channel when training.*1, 6"):
        module(torch.randn(1, UNITS))
    if kind is not nn.BatchNorm1d:
        assert module.num_batches_tracked == 0, "what is refused leaves no trace"
    assert module.eval()(torch.randn(1, UNITS)).shape == (1, UNITS)


def test_sequences_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"BatchExplicit normalizes .*, got \(2, 6"):
        BatchExplicit(UNITS)(torch.randn(2, UNITS, 4))


@pytest.mark.parametrize("kind", OURS)
def test_evaluation_with_batch_statistics_leaves_no_trace(kind: type[RunningNorm]) -> None:
    network = nn.Sequential(kind(UNITS, momentum=0.5), nn.Linear(UNITS, 3))
    batch = drawn(EXAMPLES, UNITS).float(), torch.arange(EXAMPLES) % 3
    network(batch[0])
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    values = evaluate(network, *batch)
    assert values["test_loss_batch_statistics"] != values["test_loss"]
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())
    assert network.training


def test_renormalization_gives_what_inference_gives_once_its_bounds_are_open() -> None:
    module, x = BatchRenorm(UNITS).double(), drawn(EXAMPLES, UNITS, grad=True)
    for step in range(200):
        module(drawn(EXAMPLES, UNITS, seed=step))
    inferred = module.eval()(x)
    assert (module.train()(x) - inferred).abs().max() > 0.01, "it is BatchNorm at first"
    module.num_batches_tracked.fill_(R_END)
    inferred = module.eval()(x)
    y = module.train()(x)
    close(y, inferred)
    r, d = module.correction(x.mean(0), x.var(0, correction=0))
    assert not r.requires_grad and not d.requires_grad
    dy = drawn(EXAMPLES, UNITS, seed=9)
    (given,) = torch.autograd.grad(y, x, dy)
    module.num_batches_tracked.zero_()
    (of_batch_norm,) = torch.autograd.grad(module(x), x, dy)
    assert (given - of_batch_norm).abs().max() > 1e-3
    assert given.sum(0).abs().max() < 1e-12, "the batch's own statistics are in the gradient"


def test_the_bounds_of_renormalization_open_as_in_the_paper() -> None:
    module = BatchRenorm(UNITS)
    bounds = {}
    for step in (0, BEGIN, (BEGIN + D_END) // 2, D_END, R_END, 10 * R_END):
        module.num_batches_tracked.fill_(step)
        bounds[step] = tuple(round(float(bound), 4) for bound in module.bounds())
    assert list(bounds.values()) == [
        (1, 0), (1, 0), (round(1 + 2 * 10 / 35, 4), 2.5), (round(1 + 2 * 20 / 35, 4), 5), (3, 5),
        (3, 5),
    ]  # fmt: skip
    module.num_batches_tracked.fill_(R_END)
    r, d = module.correction(torch.full((UNITS,), 1e3), torch.full((UNITS,), 1e-4))
    assert torch.equal(r, torch.full((UNITS,), 1 / 3)) and torch.equal(d, torch.full((UNITS,), 5.0))


def test_noise_has_the_sources_distributions() -> None:
    """Of 400 units over 400 examples; four standard errors are allowed."""
    key, step = torch.tensor(7), torch.tensor(3)
    flat, bell = uniform((400, 400), key, step).double(), normal((400, 400), key, step).double()
    assert flat.min() >= 0 and flat.max() < 1
    assert abs(flat.mean() - 0.5) < 4 * (1 / 12) ** 0.5 / 400
    assert abs(bell.mean()) < 4 / 400 and abs(bell.std() - 1) < 4 / (2**0.5 * 400)
    assert abs((bell.abs() < 1).double().mean() - 0.6827) < 4 * 0.466 / 400
    assert (
        abs(torch.corrcoef(torch.stack([flat[:, :-1].ravel(), flat[:, 1:].ravel()]))[0, 1]) < 0.01
    )

    module = BatchNoisy(400)
    s, m = (noise.double() for noise in module.noise(2000, 400))
    centres, scales = m.mean(0), s.mean(0)
    assert centres.abs().max() < 0.51 and abs(centres.std() - 0.5 / 3**0.5) < 0.04
    assert scales.min() > 0.98 and scales.max() < 1.27 and abs(scales.mean() - 1.125) < 0.02
    assert (m - centres).abs().max() < 0.11 and abs((s - scales).std() - 0.1) < 0.001


def test_noise_is_of_the_network_the_layer_and_the_step_and_nothing_else() -> None:
    x, random = drawn(EXAMPLES, UNITS).float(), torch.get_rng_state()
    one, same, other = BatchNoisy(UNITS, seed=1), BatchNoisy(UNITS, seed=1), BatchNoisy(UNITS)
    first = one(x)
    torch.rand(3)
    assert torch.equal(first, same(x)) and not torch.equal(first, other(x))
    assert not torch.equal(first, one(x)), "another step, other noise"
    assert torch.equal(one.eval()(x), one(x)), "inference has none"
    torch.set_rng_state(random)
    two = mlp(8, 3, Network(hidden=[4, 4]), Arm(name="a", norm="batch_noisy"), seed=5)
    keys = [int(module.key) for module in two if isinstance(module, BatchNoisy)]
    assert keys == [320, 321]


@pytest.mark.parametrize("examples", [4, UNITS, UNITS + 1, 40])
def test_whitening_decorrelates_what_has_the_rank(examples: int) -> None:
    """The rank of a batch's covariance is min(m − 1, d); NaN comes iff m ≤ d and ε = 0."""
    x = drawn(examples, UNITS) @ drawn(UNITS, UNITS, seed=1)
    y = Whitening(UNITS, 0.0, affine=False).double()(x)
    assert bool(y.isnan().any()) == (examples <= UNITS)
    y = Whitening(UNITS, 1e-8, affine=False).double()(x)
    covariance = y.mT @ y / examples
    assert torch.linalg.matrix_rank(covariance) == min(examples - 1, UNITS)
    values = torch.linalg.eigvalsh(covariance)
    expected = torch.zeros(UNITS, dtype=torch.float64)
    expected[max(UNITS - examples + 1, 0) :] = 1
    torch.testing.assert_close(values, expected, rtol=1e-3, atol=1e-6)


def test_whitening_has_finite_gradients_where_eigenvalues_coincide() -> None:
    """Three examples of six units: four eigenvalues are 0, and autograd's eigh gives up."""
    module, x = Whitening(UNITS, 1e-2).double(), drawn(3, UNITS, grad=True)
    module.track_running_stats = False
    assert torch.autograd.gradcheck(module, (x,))


@pytest.mark.parametrize("kind", [Whitening, IterNorm])
def test_whitening_infers_with_the_average_of_its_matrices(kind: type[Whitening]) -> None:
    module, x = kind(UNITS, momentum=1.0).double(), drawn(EXAMPLES, UNITS)
    y = module(x)
    close(module.eval()(x), y)
    close(module.running_var, x.var(0))


@pytest.mark.parametrize("kind", [Whitening, IterNorm])
def test_a_batch_that_is_not_finite_is_whitened_to_nan(kind: type[Whitening]) -> None:
    """A network that diverges is recorded and frozen; it is no error."""
    x = drawn(EXAMPLES, UNITS)
    x[0, 0] = torch.inf
    x.requires_grad_()
    y = kind(UNITS).double()(x)
    y.sum().backward()
    assert y.isnan().all()


def test_newtons_iteration_goes_to_the_whitening_matrix() -> None:
    class Long(IterNorm):
        iterations = 10

    x = drawn(40, UNITS)
    exact = Whitening(UNITS).double()(x)
    torch.testing.assert_close(Long(UNITS).double()(x), exact, rtol=1e-8, atol=1e-8)
    assert (IterNorm(UNITS).double()(x) - exact).abs().max() > 1e-3, "five do not suffice"


@pytest.mark.parametrize("make", [nn.BatchNorm1d, BatchExplicit, Whitening])
def test_averages_over_batches_are_algorithm_2s(make: Callable[[int], nn.BatchNorm1d]) -> None:
    norm = make(UNITS)
    network = nn.Sequential(nn.Linear(5, UNITS), norm, nn.Dropout()).double().eval()
    network.get_submodule("2").train()
    with torch.no_grad():
        network(drawn(EXAMPLES, 5))
    batches = [drawn(EXAMPLES, 5, seed=seed) for seed in range(7)]
    take_averages(network, batches)
    outputs = [network[0](batch).detach() for batch in batches]
    assert norm.running_mean is not None and norm.running_var is not None
    close(norm.running_mean, torch.stack([z.mean(0) for z in outputs]).mean(0))
    biased = torch.stack([z.var(0, correction=0) for z in outputs]).mean(0)
    close(norm.running_var, biased * EXAMPLES / (EXAMPLES - 1))
    assert (norm.momentum, norm.training, network[2].training) == (0.1, False, True)
    everything = torch.cat(batches)
    take_averages(network, [everything])
    close(norm.running_mean, network[0](everything).detach().mean(0))


def test_there_must_be_something_to_average_and_something_to_set() -> None:
    with pytest.raises(ValueError, match="no BatchNorm with running statistics"):
        take_averages(nn.Linear(2, 2), [torch.randn(3, 2)])
    norm = BatchExplicit(2)
    with pytest.raises(ValueError, match="give at least one batch"):
        take_averages(norm, [])
    assert norm.num_batches_tracked == 0
