"""watch() in every kind of loop: what belongs to a step, and what does not."""

import math
from typing import Any

import pytest
import torch
from plain_loop import mlp, sgd, train
from torch import Tensor, nn

from shiftscope.trainer import watch


def elements(stored: Any, layer: str) -> int:
    (row,) = stored.rows(f"SELECT elements FROM layers WHERE name = '{layer}'")
    return row["elements"]


def test_forward_passes_of_one_step_are_accumulated(stored: Any) -> None:
    model = mlp(norm=False)
    optimizer = sgd(model)
    outputs: list[list[Tensor]] = []
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for count in (3, 3, 2):  # the last step of an epoch has fewer
            optimizer.zero_grad()
            outputs.append([])
            for _ in range(count):
                output = model(torch.randn(4, 6))
                output.retain_grad()
                outputs[-1].append(output)
                (output.square().mean() / count).backward()
            optimizer.step()
    assert run.step == 3 and run.not_recorded == [] and elements(stored, "2") == 36
    for record, of_step in zip(stored.records("2"), outputs, strict=True):
        assert record["mean"] == pytest.approx(torch.cat(of_step).mean().item(), rel=1e-5)
        gradients = torch.cat([output.grad for output in of_step if output.grad is not None])
        assert record["activation_grad_norm"] == pytest.approx(gradients.norm().item(), rel=1e-5)


@pytest.mark.parametrize("way", ["no_grad", "eval with gradients", "train mode", "inference"])
def test_validation_between_steps_is_not_recorded(way: str, stored: Any) -> None:
    model = mlp()
    optimizer = sgd(model)

    def validate() -> None:
        model.train(way == "train mode")
        inside = {"inference": torch.inference_mode, "eval with gradients": torch.enable_grad}
        with inside.get(way, torch.no_grad)():
            for _ in range(3):
                model(100 + torch.randn(50, 6)).sum()
        model.train()

    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            validate()
            train(model, optimizer, rows=5)
            run.log(loss=1.0)
            validate()
            run.log_evaluation(loss=2.0, accuracy=0.5)
    assert run.not_recorded == [] and elements(stored, "0") == 40
    records = stored.records("3")
    assert len(records) == 3 and all(abs(record["mean"]) < 5 for record in records)
    drift = [record["mean_drift"] for record in stored.records("0")]
    assert all(0 < value < 100 for value in drift)
    evaluations = stored.rows("SELECT step, test_loss, test_accuracy FROM evaluations")
    assert [tuple(row.values()) for row in evaluations] == [(n, 2.0, 0.5) for n in (1, 2, 3)]


def test_a_model_may_train_in_eval_mode(stored: Any) -> None:
    model = mlp().eval()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(2):
            train(model, optimizer, rows=5)
    assert run.not_recorded == []
    for record in stored.records("0"):
        assert record["mean"] is not None and record["gamma_mean"] is not None
        assert record["mean_drift"] is None and record["var_drift"] is None


def test_frozen_layers_are_seen_and_get_norms_once_they_train(stored: Any) -> None:
    model = mlp()
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for number in range(4):
            if number == 2:
                model[0].requires_grad_(True)
                optimizer.add_param_group({"params": model[0].parameters()})
            train(model, optimizer, rows=5)
    assert run.not_recorded == []
    records = stored.records("0")
    assert [record["mean"] is not None for record in records] == [True] * 4
    for key in ("weight_norm", "weight_grad_norm", "update_ratio"):
        assert [record[key] is not None for record in records] == [False, False, True, True]


def test_the_first_layers_of_a_frozen_trunk_are_seen(stored: Any) -> None:
    model = mlp(norm=False)
    model[0].requires_grad_(False)
    optimizer = sgd(model[2])
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            with torch.no_grad():
                model(torch.randn(9, 6))
            model(torch.randn(9, 6))  # never trained on
            train(model, optimizer, rows=5)
    assert run.not_recorded == [] and len(stored.records("0")) == 3
    assert [record["activation_grad_norm"] for record in stored.records("0")] == [None] * 3


class Gan(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maker, self.judge = nn.Linear(2, 6), nn.Linear(6, 1)


@pytest.mark.parametrize("turns", [1, 3])
def test_optimizers_in_turn_make_a_step_together(turns: int, stored: Any) -> None:
    torch.manual_seed(0)
    model = Gan()
    judging, making = sgd(model.judge), sgd(model.maker)
    real: list[float] = []
    with watch(model, [judging, making], database=stored.url, quiet=True) as run:
        for _ in range(2):
            for _ in range(turns):
                judging.zero_grad()
                with torch.no_grad():
                    fake = model.maker(torch.randn(4, 2))
                judged = model.judge(torch.cat([torch.randn(4, 6), fake]))
                judged.square().mean().backward()
                real.append(judged.mean().item())
                judging.step()
            making.zero_grad()
            model.judge(model.maker(torch.randn(4, 2))).mean().backward()
            making.step()
            run.log(loss=0.5)
    assert run.not_recorded == []
    steps = 2 * turns  # a step without the maker's turn is one too
    judge, maker = stored.records("judge"), stored.records("maker")
    assert len(judge) == len(maker) == steps
    assert all(record["update_ratio"] > 0 for record in judge)
    made = [record["update_ratio"] is not None for record in maker]
    assert made == ([False] * (turns - 1) + [True]) * 2
    if turns == 3:
        assert [record["mean"] for record in judge[:2]] == pytest.approx(real[:2], rel=1e-5)


def test_a_closure_computes_the_gradients_inside_the_step(stored: Any) -> None:
    model = mlp(norm=False)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    x = torch.randn(5, 6)
    seen: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        seen.append(
            math.hypot(*(p.grad.norm().item() for p in model.parameters() if p.grad is not None))
        )
        return loss

    last: list[float] = []
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            run.log(loss=optimizer.step(closure))  # pyright: ignore
            last.append(seen[-1])
    assert run.not_recorded == [] and run.step == 3
    kept = stored.rows("SELECT loss, grad_norm FROM network_records")
    assert [row["grad_norm"] for row in kept] == pytest.approx(last, rel=1e-5)
    assert len(stored.records("0")) == 3 and elements(stored, "0") == 40


def test_autocast_and_a_scaler_give_the_norms_of_a_plain_run(stored: Any) -> None:
    def loop(number: int, amp: bool) -> list[dict[str, Any]]:
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12, growth_interval=1, enabled=amp)
        torch.manual_seed(3)
        with watch(model, optimizer, database=stored.url, scaler=scaler, quiet=True) as run:
            for _ in range(4):
                x = torch.randn(16, 6)
                with torch.autocast("cpu", torch.bfloat16, enabled=amp):
                    loss = model(x).float().square().mean()
                optimizer.zero_grad()
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
                run.log(loss=loss)
        assert run.not_recorded == []
        return stored.rows(
            "SELECT r.*, n.grad_norm FROM layer_records r JOIN layers l ON l.id = layer_id "
            "JOIN networks k ON k.id = r.network_id JOIN network_records n ON n.network_id = k.id "
            f"AND n.step = r.step WHERE k.run_id = {number} ORDER BY l.position, r.step"
        )

    for plain, mixed in zip(loop(1, False), loop(2, True), strict=True):
        for key in ("activation_grad_norm", "weight_grad_norm", "grad_norm", "update_ratio"):
            assert mixed[key] == pytest.approx(plain[key], rel=0.05), key


def test_steps_that_a_scaler_skips_leave_nothing_behind(stored: Any) -> None:
    model = mlp(norm=False)
    optimizer = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)
    with watch(model, optimizer, database=stored.url, scaler=scaler, quiet=True) as run:
        taken, number = 0, 0
        for number in range(200):
            loss = model(torch.randn(4 if number % 2 else 6, 6)).square().mean() * 1e6
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            before = scaler.get_scale()
            scaler.step(optimizer)
            scaler.update()
            taken += scaler.get_scale() >= before
            if taken == 3:
                break
    assert taken == 3 and number > 10
    assert run.step == 3 and elements(stored, "0") in {32, 48}
    assert all(record["nonfinite"] == 0 for record in stored.records("0"))
    assert all(math.isfinite(r["activation_grad_norm"]) for r in stored.records("0"))


class Module(nn.Module):
    """Its loop calls training_step, never the module itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(norm=False)

    def training_step(self, x: Tensor) -> Tensor:
        return self.body[2](self.body[0](x).relu()).square().mean()


def test_a_root_that_is_never_called(stored: Any) -> None:
    model = Module()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for number in range(3):
            loss = model.training_step(torch.randn(5, 6))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=number)
    assert run.attached == {"model": ["body.0", "body.2"]} and run.not_recorded == []
    assert [r["loss"] for r in stored.rows("SELECT loss FROM network_records")] == [0, 1, 2]


def test_layers_that_the_first_step_leaves_out_are_seen_when_they_come(stored: Any) -> None:
    model = mlp(norm=False)
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for number in range(3):
            hidden = torch.randn(5, 6) if number == 0 else torch.randn(5, 6) + 1
            output = model[0](hidden)
            if number > 0:
                output = model[2](output.relu())
            optimizer.zero_grad()
            output.square().mean().backward()
            optimizer.step()
    assert [path for path, _ in run.skipped["model"]] == ["2"] and run.not_recorded == []
    assert [r["mean"] is not None for r in stored.records("2")] == [False, True, True]


def test_large_outputs_are_sampled_and_larger_ones_made_to_fit(stored: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
    optimizer = sgd(model)
    means: list[float] = []
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for rows in (2, 2, 9, 90, 1):
            output = model[0](torch.randn(rows, 1, 48, 48))
            means.append(output.mean().item())
            optimizer.zero_grad()
            output.relu().mean().backward()
            optimizer.step()
    assert run.not_recorded == []
    records = stored.records("0")
    for record, mean in zip(records, means, strict=True):
        assert record["mean"] == pytest.approx(mean, abs=0.05)
        assert record["dead"] is not None


def test_a_loss_of_gradients_is_of_every_forward_pass(stored: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            x = torch.randn(10, 1, requires_grad=True)
            y = model(x)
            (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            loss = (slope - y).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert run.not_recorded == [] and run.skipped["model"] == []
    for layer, count in (("0", 80), ("2", 10)):
        records = stored.records(layer)
        assert len(records) == 3 and None not in [r["mean"] for r in records]
        assert elements(stored, layer) == count


def test_updates_by_an_optimizer_that_is_not_watched_are_told(stored: Any) -> None:
    model = nn.Linear(6, 3)
    first, second = (torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(2))
    with watch(model, first, database=stored.url, quiet=True) as run:
        for number in range(10):
            optimizer = first if number < 3 else second
            model(torch.randn(4, 6)).sum().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
        (sight,) = run._stepping.lenses[0]._sights
        assert len(sight.calls) == 1  # no more of those that no step will take
    assert run.step == 3
    assert run.not_recorded == [
        "Updates that are not of the watched optimizers: give watch all of them, and a new one to "
        "a watch of its own."
    ]


def test_parameters_that_change_in_a_forward_pass_are_no_updates(stored: Any) -> None:
    model = nn.Sequential(nn.Embedding(5, 3, max_norm=0.1), nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=10.0)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for number in range(12):
            model(torch.arange(5)).square().sum().backward()
            if number % 6 == 5:
                optimizer.step()
                optimizer.zero_grad()
    assert run.step == 2 and run.not_recorded == []
    assert elements(stored, "0") == 6 * 15  # all of the step's
