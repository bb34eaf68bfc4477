"""Networks that train stacked learn what they learn apart; on a GPU, as a graph as well."""

import logging
from collections.abc import Sequence
from typing import Literal, get_args

import pytest
import torch
from torch import Tensor, nn

from shiftscope.db.arm import Arm
from shiftscope.db.network import Network
from shiftscope.db.norms import OVER_POSITIONS, NormName
from shiftscope.db.optimizer import Optimizer
from shiftscope.trainer import crew
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.evaluation import evaluate
from shiftscope.trainer.graphs import GraphedProgram, graphed
from shiftscope.trainer.networks.mlp import mlp
from shiftscope.trainer.observer import StackObserver
from shiftscope.trainer.program import Program, Seen
from shiftscope.trainer.stack import Stack

SEEDS, STEPS, BATCH = 3, 50, 20
CUDA = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
    ],
)
DEVICES = ["cpu", CUDA]


def networks(norm: NormName, device: str, count: int = SEEDS) -> list[nn.Module]:
    found: list[nn.Module] = []
    for seed in range(count):
        torch.manual_seed(seed)
        found.append(
            mlp(30, 5, Network(hidden=[16, 12]), Arm(name="arm", norm=norm), seed).to(device)
        )
    return found


def stack_of(of_stack: Sequence[nn.Module], device: str, momentum: float = 0.9) -> Stack:
    example = torch.zeros(BATCH, 30, device=device), torch.zeros(BATCH).long().to(device)
    return Stack(
        Arm(name="arm", norm="none"), of_stack, range(len(of_stack)), range(len(of_stack)),
        find_layers(of_stack[0], example[0]).layers, example,
        optimizer=Optimizer(lr=0.1, momentum=momentum), steps=STEPS,
    )  # fmt: skip


def batch(seed: int, step: int, device: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1000 * seed + step)
    inputs = torch.randn(BATCH, 30, generator=generator)
    labels = torch.randint(5, (BATCH,), generator=generator)
    return inputs.to(device), labels.to(device)


def train(stack: Stack, seeds: Sequence[int], device: str) -> list[Seen]:
    """What each step gave, copied: on a GPU the next one overwrites it."""
    seen: list[Seen] = []
    for step in range(STEPS):
        drawn = [batch(seed, step, device) for seed in seeds]
        found = stack.look(stack.gather([x for x, _ in drawn]), stack.gather([y for _, y in drawn]))
        stack.update(found)
        seen.append(
            Seen(
                found.losses.clone(),
                *([tensor.clone() for tensor in tensors]
                  for tensors in (found.preactivations, found.gradients,
                                  found.preactivation_gradients)),
            )
        )  # fmt: skip
    return seen


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("norm", sorted({*get_args(NormName)} - OVER_POSITIONS))
def test_stacked_networks_learn_what_they_learn_apart(norm: NormName, device: str) -> None:
    """Within 1e-4 relative and 1e-5 absolute after 50 steps with momentum: a batched product sums
    in another order, and that grows; whitening multiplies what is small by up to 1/√ε = 316."""
    times = 100 if norm == "whitening" else 1
    together, apart = networks(norm, device), networks(norm, device)
    of_all = train(stack_of(together, device), range(SEEDS), device)
    for seed in range(SEEDS):
        alone = train(stack_of([apart[seed]], device), [seed], device)
        for ours, theirs in zip(over_steps(of_all), over_steps(alone), strict=True):
            close(ours[:, seed], theirs, times)
        for name, value in apart[seed].state_dict().items():
            close(together[seed].state_dict()[name], value, times)
    assert not torch.equal(of_all[-1].losses[0], of_all[-1].losses[1])


def over_steps(seen: Sequence[Seen]) -> list[Tensor]:
    """Everything that was seen, each with the steps as its first dimension."""
    steps = [
        [of.losses, *of.preactivations, *of.gradients, *of.preactivation_gradients] for of in seen
    ]
    return [torch.stack(values) for values in zip(*steps, strict=True)]


def close(ours: Tensor, theirs: Tensor, times: int = 1) -> None:
    torch.testing.assert_close(ours, theirs, rtol=times * 1e-4, atol=times * 1e-5)


def test_a_stack_trains_and_evaluates_the_networks_that_were_given() -> None:
    """The networks' own parameters and buffers are views of the stack's."""
    together = networks("batch", "cpu")
    before = [evaluate(network, *batch(9, 9, "cpu"))["test_loss"] for network in together]
    stack = stack_of(together, "cpu")
    train(stack, range(SEEDS), "cpu")
    for index, network in enumerate(together):
        for name, parameter in [*network.named_parameters(), *network.named_buffers()]:
            of_all = {**stack.parameters, **stack.buffers}[name]
            assert torch.equal(of_all[index], parameter)
            assert of_all[index].data_ptr() == parameter.data_ptr()
        assert evaluate(network, *batch(9, 9, "cpu"))["test_loss"] != before[index]
        assert int(network.get_buffer("hidden1_norm.num_batches_tracked")) == STEPS


def test_norms_of_a_stack_are_each_networks_own() -> None:
    together = networks("batch", "cpu")
    stack = stack_of(together, "cpu", momentum=0.0)
    observer = StackObserver(stack, 0)
    plan = observer.plan([{"arm": "arm"}] * SEEDS, BATCH)
    assert plan.positions == [0, 1, 2] and len(plan.layers) == 3
    (seen, *_) = train(stack, range(SEEDS), "cpu")
    norms = observer._norms([*seen.preactivation_gradients, *seen.gradients])
    for seed in range(SEEDS):
        expected = [t[seed].double().norm() for t in
                    [*seen.preactivation_gradients, *seen.gradients]]  # fmt: skip
        torch.testing.assert_close(norms[seed], torch.stack(expected))


def take_step(work: tuple[Stack, tuple[Tensor, Tensor], float]) -> float:
    stack, drawn, seconds = work
    stack.update(stack.look(*drawn))
    return seconds


def test_stacks_side_by_side_compute_what_they_compute_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crew, "WORTH_ELEMENTS", 0)  # so that threads pay
    monkeypatch.setattr(crew, "cores", lambda: 2)
    of_crew = [stack_of([network], "cpu") for network in networks("batch", "cpu")]
    in_turn = [stack_of([network], "cpu") for network in networks("batch", "cpu")]
    team = crew.Crew(of_crew, torch.device("cpu"))
    for step in range(20):
        drawn = [batch(seed, step, "cpu") for seed in range(SEEDS)]
        held_up = team.run(take_step, zip(of_crew, drawn, range(SEEDS), strict=True))
        assert held_up == SEEDS - 1, "side by side the slowest counts"
        for stack, one in zip(in_turn, drawn, strict=True):
            take_step((stack, one, 0))
    assert team._threads is not None
    team.close()
    for ours, theirs in zip(of_crew, in_turn, strict=True):
        for name, value in theirs.networks[0].state_dict().items():
            assert torch.equal(ours.networks[0].state_dict()[name], value), name


def test_a_dropped_network_keeps_its_place() -> None:
    stack = stack_of(networks("none", "cpu"), "cpu")
    stack.drop(1)
    stack.drop(7)  # another stack's
    assert stack.active == [True, False, True]


def test_a_program_that_cannot_be_captured_is_used_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Here because there is no CUDA, or because the batch is not on it."""
    (network,) = networks("batch", "cpu", count=1)
    inputs, labels = batch(0, 0, "cpu")
    program = Program(
        network, ["output"], {name: p.detach() for name, p in network.named_parameters()},
        dict(network.named_buffers()), inputs, labels, stacked=False,
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        found = graphed(program, list(network.buffers()), inputs, labels)
    assert found is program
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "Training goes on without a CUDA graph, slower"
    ]
    assert int(network.get_buffer("hidden1_norm.num_batches_tracked")) == 0


@pytest.mark.parametrize("device", [CUDA])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_graph_computes_what_its_program_computes(
    norm: Literal["none", "batch"], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = networks(norm, device), networks(norm, device)
    before = [buffer.clone() for buffer in ours[0].buffers()]
    stack = stack_of(ours, device)
    assert isinstance(stack._program, GraphedProgram)
    for buffer, value in zip(ours[0].buffers(), before, strict=True):
        assert torch.equal(buffer, value), "warming up has left its traces"
    monkeypatch.setattr("shiftscope.trainer.stack.graphed", lambda program, *_: program)
    plain = stack_of(theirs, device)
    assert isinstance(plain._program, Program)
    for a, b in zip(train(stack, range(SEEDS), device), train(plain, range(SEEDS), device),
                    strict=True):  # fmt: skip
        close(a.losses, b.losses)
    for a, b in zip(ours, theirs, strict=True):
        for name, value in b.state_dict().items():
            close(a.state_dict()[name], value)


@pytest.mark.parametrize("device", [CUDA])
def test_a_graph_draws_random_numbers_anew_and_capturing_takes_none(device: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 64), nn.Dropout(0.5), nn.Linear(64, 5)).to(device)
    random = torch.cuda.get_rng_state()
    stack = stack_of([network], device)
    assert isinstance(stack._program, GraphedProgram)
    assert torch.equal(torch.cuda.get_rng_state(), random)

    def losses() -> list[float]:
        torch.cuda.manual_seed(5)
        return [stack.look(*batch(0, 0, device)).losses.item() for _ in range(4)]

    first = losses()
    assert len(set(first)) == 4 and losses() == first
