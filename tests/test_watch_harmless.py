"""watch() does no harm: whatever breaks inside, the loop goes on and is told once."""

import contextlib
import copy
import gc
import io
import logging
import os
import resource
import signal
import sqlite3
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from plain_loop import train
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from shiftscope.db.errors import SetupProblem
from shiftscope.trainer import recorder_process, watch
from shiftscope.trainer.lens import Lens
from shiftscope.trainer.ring import SharedMemory


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(8, 3)
    )


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def bare(steps: int) -> list[float]:
    """The losses of a loop that nobody watches."""
    model = network()
    optimizer = sgd(model)
    return [train(model, optimizer).item() for _ in range(steps)]


class Token(torch.autograd.Function):
    """Leaves an object in the graph, which lives as long as that."""

    made: ClassVar[list[Any]] = []

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.token = type("Token", (), {})()
        Token.made.append(weakref.ref(ctx.token))
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0]


class Marked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Token.apply(x)  # pyright: ignore


def hooks_on(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    modules = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    steps = [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]  # pyright: ignore
    return modules + sum(map(len, steps))


@pytest.fixture
def warnings_said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings of the product so far."""
    caplog.set_level(logging.WARNING)
    return lambda: [r.getMessage() for r in caplog.records if r.name.startswith("shiftscope")]


@pytest.mark.parametrize(
    "hook",
    ["_enter", "_see", "_see_running", "_see_gradient", "_before_update", "_after_update",
     "_leave", "_discover", "plan", "fill", "begin", "give"],
)  # fmt: skip
def test_an_error_inside_is_said_once_and_the_loop_goes_on(
    hook: str, stored: Any, monkeypatch: pytest.MonkeyPatch, warnings_said: Any
) -> None:
    calls = 0
    real = getattr(Lens, hook)

    def broken(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if hook in ("_leave", "_discover", "plan") or calls > 12:
            raise RuntimeError("it broke\nin two lines")
        return real(*arguments, **options)

    monkeypatch.setattr(Lens, hook, broken)
    model = network()
    optimizer = sgd(model)
    losses: list[float] = []
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(20):
            losses.append(train(model, optimizer).item())
            run.log(loss=losses[-1])
    assert losses == bare(20) and hooks_on(model, optimizer) == 0
    (sentence,) = run.not_recorded
    assert "RuntimeError: it broke)" in sentence and "from step" in sentence
    assert warnings_said() == [f"Not recorded: {sentence}"]
    kept = stored.run()
    assert (kept["status"], kept["watched"]["not_recorded"]) == ("finished", [sentence])
    assert kept["step"] == run.step


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine of one core
def test_everything_is_bit_equal_with_dropout_and_forked_loaders(stored: Any) -> None:
    def loop(watched: bool) -> tuple[list[float], list[Tensor], Tensor]:
        model = network()
        optimizer = sgd(model)
        data = TensorDataset(torch.randn(64, 6))
        loader = DataLoader(data, 16, shuffle=True, num_workers=2)
        inside = watch(model, optimizer, database=stored.url, quiet=True)
        losses: list[float] = []
        with inside if watched else contextlib.nullcontext():
            for _ in range(2):
                for (x,) in loader:
                    loss = model(x).square().mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    losses.append(loss.item())
        inside.close()
        return losses, list(model.state_dict().values()), torch.get_rng_state()

    plain, seen = loop(False), loop(True)
    assert plain[0] == seen[0] and torch.equal(plain[2], seen[2])
    assert all(map(torch.equal, plain[1], seen[1]))
    assert stored.run(2)["step"] == 8 and stored.run(2)["status"] == "finished"


def test_a_recorder_that_is_killed_ends_the_watching(
    stored: Any, warnings_said: Any, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    url, posted = receiver
    model = network()
    optimizer = sgd(model)
    losses: list[float] = []
    with watch(model, optimizer, database=stored.url, webhook=url, quiet=True) as run:
        for number in range(400):
            if number == 40:
                assert run.id == 1 and run._recorder is not None
                time.sleep(0.6)  # so that something is committed
                while run._recorder.committed != stored.run()["step"]:
                    time.sleep(0.05)
                os.kill(run._recorder._process.pid, signal.SIGKILL)
                run._recorder._process.wait()
            losses.append(train(model, optimizer).item())
    assert losses == bare(400) and hooks_on(model, optimizer) == 0
    (sentence,) = run.not_recorded
    assert warnings_said() == [f"Not recorded: {sentence}"] and "exit code -9" in sentence
    kept = stored.run()
    assert kept["status"] == "failed" and "exit code -9" in kept["error"]
    assert sentence.startswith(f"Everything from step {kept['step'] + 1} on: ")
    assert kept["watched"]["not_recorded"] == [sentence]
    assert [(one["event"], one["run"]["error"]) for one in posted] == [("failed", kept["error"])]


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/nowhere/watched.db", "sqlite:////dev/full",
     "postgresql://me:secret@127.0.0.1:1/none"],
)  # fmt: skip
def test_a_database_that_cannot_be_opened_is_one_warning(url: str, warnings_said: Any) -> None:
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=url, quiet=True) as run:
        losses = [train(model, optimizer).item() for _ in range(5)]
    assert losses == bare(5) and run.id is None and hooks_on(model, optimizer) == 0
    (sentence,) = run.not_recorded
    assert warnings_said() == [f"Not recorded: {sentence}"]
    assert "can't be opened" in sentence and "secret" not in sentence


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorders that try again for three seconds, not for a minute."""
    code = "from shiftscope.trainer import recorder; recorder.RETRY_SECONDS = 3; recorder.main()"
    monkeypatch.setattr(recorder_process, "PROGRAM", [sys.executable, "-P", "-c", code])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_disk_that_is_full_is_one_warning(
    comes_back: bool, stored: Any, warnings_said: Any
) -> None:
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        assert run.id == 1 and run._recorder is not None
        recorder, unlimited = run._recorder._process.pid, resource.RLIM_INFINITY
        resource.prlimit(recorder, resource.RLIMIT_FSIZE, (4_096, unlimited))
        losses = [train(model, optimizer).item() for _ in range(10)]
        if comes_back:
            time.sleep(0.5)
            resource.prlimit(recorder, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        else:
            assert run._recorder._process.wait(60) == 1
            time.sleep(0.2)
            losses += [train(model, optimizer).item() for _ in range(2)]
    assert losses == bare(len(losses)) and len(warnings_said()) == len(run.not_recorded)
    if comes_back:
        assert run.not_recorded == [] and len(stored.records("0")) == 10
    else:
        assert "from step 1 on: The database did not take the records" in run.not_recorded[0]
        assert stored.run()["status"] == "failed" and len(run.not_recorded) == 1


def test_what_ends_the_recording_is_told_whatever_was_told_before(
    stored: Any, warnings_said: Any
) -> None:
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for number in range(30):
            train(model, optimizer)
            run.log(loss=1.0, **{f"metric_{number}": 2.0})
        assert run.id == 1 and run._recorder is not None
        os.kill(run._recorder._process.pid, signal.SIGKILL)
        run._recorder._process.wait()
        run._recorder._hearing.join(60)
        train(model, optimizer)
        train(model, optimizer)
    assert len(run.not_recorded) == 21 and "exit code -9" in run.not_recorded[-1]
    assert warnings_said() == [f"Not recorded: {run.not_recorded[at]}" for at in (0, -1)]


@pytest.mark.parametrize(
    "value",
    [10**400, 1j, "much", torch.ones(2), torch.ones((), device="meta"), torch.ones(1).to_sparse()],
)
def test_what_is_no_number_is_not_logged(value: Any, stored: Any) -> None:
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        train(model, optimizer)
        run.log(value)
        run.log_evaluation(value)
    assert run.not_recorded == ["loss: a number or a tensor that holds one can be logged."]
    assert stored.rows("SELECT step, loss FROM network_records") == [{"step": 1, "loss": None}]


def test_whatever_a_run_is_called_is_stored(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "first")
    model = network()
    optimizer = sgd(model)
    settings = {("a", 1): 2, "text": "\udc80\0", "large": 10**400}
    with watch(
        model, optimizer, name="\ud800 🙂\0\n" + "x" * 100, settings=settings,
        database=stored.url, quiet=True,
    ) as run:  # fmt: skip
        train(model, optimizer)
    assert run.not_recorded == []
    assert stored.run()["name"] == "🙂" + "  " + "x" * 77
    assert stored.run()["watched"]["settings"] == {"('a', 1)": 2} | dict(list(settings.items())[1:])


def test_a_database_that_is_locked_for_seconds_loses_nothing(stored: Any) -> None:
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        assert run.id == 1
        path = stored.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            for _ in range(50):
                train(model, optimizer)
            time.sleep(2)
            database.execute("ROLLBACK")
    assert run.not_recorded == [] and len(stored.records("0")) == 50


def test_nothing_of_the_model_or_a_graph_is_kept(stored: Any) -> None:
    model = network().append(Marked())
    tokens = Token.made = []
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            loss = train(model, optimizer)
            run.log(loss=loss)
            del loss
            assert not any(token() for token in tokens)
        hidden = model[0](torch.randn(4, 6))
    assert hooks_on(model, optimizer) == 0 and not hidden._backward_hooks
    gone = weakref.ref(model)
    del model, optimizer, hidden
    gc.collect()
    assert gone() is None and run.id == 1 and "3 steps" in run.summary()
    run.log(loss=1.0)
    run.log_evaluation(loss=1.0)
    run.close()


def test_evaluations_with_gradients_keep_no_graph(stored: Any) -> None:
    model = network().append(Marked())
    tokens = Token.made = []
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True):
        for number in range(3):
            for _ in range(3):
                model(torch.randn(16, 6))
            assert sum(token() is not None for token in tokens) <= (number == 0)
            train(model, optimizer)
            assert not any(token() for token in tokens)


def test_a_watched_model_is_copied_and_saved_without_its_hooks(stored: Any) -> None:
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            twin, file = copy.deepcopy(model), io.BytesIO()
            torch.save(model, file)
            torch.save(model.state_dict(), io.BytesIO())
            torch.save(optimizer.state_dict(), io.BytesIO())
            copied = copy.deepcopy(optimizer)
            file.seek(0)
            loaded = torch.load(file, weights_only=False)
            for other in (twin, loaded):
                train(other, sgd(other))
            assert len(copied.param_groups) == 1
            train(model, optimizer)
    assert run.step == 3 and run.not_recorded == [] and len(stored.records("0")) == 3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"database": "mysql://somewhere"}, "not a database URL"),
        ({"webhook": "here"}, r"webhook \(or SHIFTSCOPE_WEBHOOK\): expected an .*, got 'here'"),
        ({"overhead": "much"}, "overhead is a share"),
        ({"record_every": 0}, "record_every is a whole number"),
        ({"steps": -1}, "steps is a whole number"),
        ({"steps": 2**31}, "at most 2,147,483,647, got 2147483648"),
        ({"settings": [60]}, r'such as \{"batch_size": 60\}, got \[60\]'),
        ({"diagnosis": ["stalled"]}, r"diagnosis is a mapping such as .*, got \['stalled'\]"),
        ({"diagnosis": {"silenced": ["dead"]}}, "diagnosis: silenced.0: .*dead_units"),
        ({"diagnosis": {"thresholds": ["dead=1"]}}, "there is no rule 'dead'"),
        ({"diagnosis": {"rules": []}}, "rules: is not a setting; expected one of silenced, thres"),
        ({"include": 3}, "include takes patterns"),
        ({"include": "nothing.*"}, "leave nothing to watch. The model's layers are 0, 1, 4."),
        ({"optimizer": None}, "needs the optimizer"),
        ({"model": 7}, "needs a torch.nn.Module, got 7"),
        ({"model": nn.Sequential(nn.LazyLinear(3))}, "pass one batch through it first"),
    ],
)
def test_what_is_wrong_at_the_start_is_an_error_of_the_argument(
    wrong: dict[str, Any], words: str, tmp_path: Path
) -> None:
    model, file = network(), tmp_path / "watched.db"
    arguments: dict[str, Any] = {"model": model, "optimizer": sgd(model)}
    arguments["database"] = f"sqlite:///{file}"
    with pytest.raises(SetupProblem, match=words):
        watch(**(arguments | wrong))
    assert hooks_on(model, sgd(model)) == 0 and not file.exists()


def test_the_ring_that_cannot_be_made_is_one_warning(
    stored: Any, monkeypatch: pytest.MonkeyPatch, warnings_said: Any
) -> None:
    def refuse(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SharedMemory, "open", refuse)
    model = network()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        assert [train(model, optimizer).item() for _ in range(3)] == bare(3)
    assert len(run.not_recorded) == 1 and "No space left" in warnings_said()[0]
