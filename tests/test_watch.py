"""watch() and Pair: what they say, what they are told, and how the page shows it."""

import time
from typing import Any

import httpx
import pytest
import torch
from plain_loop import mlp, sgd, train
from sqlalchemy import Engine
from torch import nn

from shiftscope.db.errors import SetupProblem
from shiftscope.trainer import Pair, stepping, watch


def test_the_start_says_what_is_attached_and_what_is_not(
    stored: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url) as run:
        model(torch.randn(2, 3, 8)).square().mean().backward()
        optimizer.step()
    said = capsys.readouterr().err.splitlines()
    layers = run.attached["model"]
    assert layers == ["norm1", "linear1", "norm2", "self_attn.out_proj"] or "linear2" in layers
    assert said[0].startswith(f"shiftscope: model: attached to {len(layers)} layers: ")
    reasons = dict(run.skipped["model"])
    assert "attention uses its weights in a function" in reasons["self_attn.out_proj"]
    assert "no activation belongs to it" in reasons["self_attn.in_proj_weight"]
    for name, reason in reasons.items():
        assert f"shiftscope: model: {name}: {reason}" in said
    assert said[-1].startswith("shiftscope: 1 steps, watched") and "% of the time" in said[-1]
    watched = stored.run()["watched"]
    assert watched["attached"] == {"model": len(layers)}
    assert {one["name"]: one["reason"] for one in watched["skipped"]} == reasons


def test_include_and_exclude_by_pattern_and_by_type(stored: Any) -> None:
    first = mlp()
    first[3] = nn.Linear(8, 6)
    model = nn.Sequential(first, mlp())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for include, exclude, layers in [
        ("1", None, ["1.0", "1.3"]),
        ("?.3", None, ["0.3", "1.3"]),
        (nn.Linear, "1.*", ["0.0", "0.3"]),
        (None, (nn.Linear, "0.*"), ["1.1"]),
    ]:
        with watch(model, optimizer, database=stored.url, include=include, exclude=exclude,
                   quiet=True) as run:  # fmt: skip
            train(model, optimizer)
        assert run.attached == {"model": layers} and run.not_recorded == []


def test_what_is_logged_belongs_to_the_step_before_the_next_forward_pass(
    stored: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = mlp()
    optimizer = sgd(model)
    losses: list[float] = []
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        run.log_evaluation(loss=3, accuracy=torch.tensor(0.1))
        for number in range(6):
            loss = train(model, optimizer)
            losses.append(loss.item())
            if number == 2:
                run.log(loss="much", accuracy=torch.ones(2), f1=0.3)
            elif number == 3:
                run.log(loss=loss[None, None], accuracy=torch.tensor(1))
            elif number == 4:
                run.log(loss)
                loss.data.zero_()  # what is logged is a copy
            elif number != 1:
                run.log(loss=losses[-1], accuracy=0.5)
        run.log_evaluation(loss=1.0)
        run.log_evaluation(accuracy=0.75, f1=0.3)
    rows = stored.rows("SELECT loss, accuracy FROM network_records ORDER BY step")
    kept = [losses[0], None, None, losses[3], losses[4], losses[5]]
    assert [row["loss"] for row in rows] == [
        None if one is None else pytest.approx(one, rel=1e-6) for one in kept
    ]
    assert [row["accuracy"] for row in rows] == [0.5, None, None, 1.0, None, 0.5]
    tests = stored.rows("SELECT step, test_loss, test_accuracy FROM evaluations ORDER BY step")
    assert [tuple(row.values()) for row in tests] == [(0, 3, pytest.approx(0.1)), (6, 1, 0.75)]
    assert len(caplog.records) == 1 and len(run.not_recorded) == 3
    assert run.not_recorded[0] == "f1: only loss and accuracy can be logged."
    assert stored.run()["watched"]["not_recorded"] == run.not_recorded


@pytest.mark.parametrize("every", [3, 100])
def test_a_layer_that_comes_in_mid_run_is_said_once_not_to_be_recorded(
    stored: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setattr(stepping, "NEWCOMERS_EVERY", every)
    model = mlp()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, exclude="aside", quiet=True) as run:
        for number in range(8):
            if number == 4:
                model.add_module("grown", nn.Linear(3, 3))
                model.add_module("aside", nn.Linear(3, 3))
            train(model, optimizer)
    (sentence,) = run.not_recorded
    assert sentence.startswith("grown: it came to the model while that was watched.")
    assert [record.getMessage() for record in caplog.records] == [f"Not recorded: {sentence}"]
    assert stored.run()["watched"]["not_recorded"] == [sentence]
    assert stored.run()["step"] == 8


def test_two_watches_see_one_model(stored: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with (
        watch(model, optimizer, database=stored.url, quiet=True) as one,
        watch(model, optimizer, database=stored.url, include="0", quiet=True) as other,
    ):
        for _ in range(3):
            train(model, optimizer)
    assert one.database == other.database == stored.url
    assert {one.id, other.id} == {1, 2} and one.attached != other.attached
    both = stored.rows("SELECT count(*) AS n FROM layer_records GROUP BY layer_id")
    assert [row["n"] for row in both] == [3, 3, 3] and one.not_recorded == other.not_recorded == []


def test_a_pair_is_one_run_of_two_arms(stored: Any) -> None:
    plain, normal = mlp(norm=False), mlp()
    optimizers = (sgd(plain), sgd(normal))
    with Pair(plain, normal, optimizers=optimizers, names=("none", "BatchNorm"),
              database=stored.url, quiet=True) as run:  # fmt: skip
        for number in range(4):
            losses = [train(m, o) for m, o in zip((plain, normal), optimizers, strict=True)]
            named = {"none": losses[0], "BatchNorm": losses[1]}
            run.log(loss=tuple(losses) if number % 2 else named)
            run.log_evaluation(accuracy=(0.25, 0.5))
            if number == 3:
                run.log(loss=1.0)
    assert run.attached == {"none": ["0", "2"], "BatchNorm": ["0", "3"]}
    (sentence,) = run.not_recorded
    assert sentence.startswith("loss: a pair logs one value for each model")
    networks = stored.rows("SELECT arm, id FROM networks WHERE run_id = 1 ORDER BY position")
    assert [row["arm"] for row in networks] == ["none", "BatchNorm"]
    for row in networks:
        kept = stored.rows(f"SELECT * FROM network_records WHERE network_id = {row['id']}")
        assert len(kept) == 4 and None not in [one["loss"] for one in kept]
    assert len(stored.records("0", "none")) == len(stored.records("0", "BatchNorm")) == 4
    with pytest.raises(SetupProblem, match="two different names"):
        Pair(plain, normal, optimizers=optimizers, names=("a", "a"))


@pytest.mark.parametrize("begun", [0, 3])
def test_a_pair_trained_one_after_the_other_is_told_so(begun: int, stored: Any) -> None:
    models = mlp(norm=False), mlp()
    optimizers = (sgd(models[0]), sgd(models[1]))
    with Pair(*models, optimizers=optimizers, database=stored.url, quiet=True) as run:
        for _ in range(begun):
            for model, optimizer in zip(models, optimizers, strict=True):
                train(model, optimizer)
        for model, optimizer in zip(models, optimizers, strict=True):
            for _ in range(5):
                train(model, optimizer)
    sentence = run.not_recorded[0]
    assert "b had not taken its step when a went on" in sentence and len(run.not_recorded) <= 2
    if not begun:
        assert "in one loop; to train one after the other, watch each by itself." in sentence
    kept = stored.run()
    assert kept["status"] == "finished" and kept["watched"]["not_recorded"] == run.not_recorded


def test_every_nth_step_and_a_cap_on_the_cost(stored: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with watch(model, optimizer, database=stored.url, record_every=3, quiet=True) as run:
        for _ in range(8):
            train(model, optimizer)
    assert [record["step"] for record in stored.records("0")] == [1, 4, 7]
    assert (stored.run()["looked"], stored.run()["step"]) == (3, 8) and run.not_recorded == []


def test_a_cap_makes_looks_rare_and_is_kept(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", time.process_time)  # other programs take none of it
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(16, 16) for _ in range(60)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    began = time.perf_counter()
    with watch(model, optimizer, database=stored.url, overhead="5%", quiet=True) as run:
        while time.perf_counter() - began < 6:
            model(torch.randn(256, 16)).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    kept = stored.run()
    assert kept["watched"]["overhead_cap"] == 0.05 and run.not_recorded == []
    assert 3 <= kept["looked"] < kept["step"] / 2
    assert kept["overhead"] < 0.08


def test_the_page_shows_a_watched_run(engine: Engine, web: httpx.Client, read_frame: Any) -> None:
    models = mlp(norm=False), mlp()
    optimizers = (sgd(models[0]), sgd(models[1]))
    with Pair(*models, optimizers=optimizers, names=("none", "BatchNorm"), name="My pair",
              database=str(engine.url), steps=5, settings={"rate": float("nan")},
              quiet=True) as run:  # fmt: skip
        for _ in range(5):
            run.log(loss=[train(m, o) for m, o in zip(models, optimizers, strict=True)])
    shown = web.get(f"/api/runs/{run.id}").json()
    assert (shown["name"], shown["status"], shown["source"]) == ("My pair", "finished", "watch")
    assert (shown["step"], shown["steps"], shown["arms"]) == (5, 5, ["none", "BatchNorm"])
    assert shown["watched"]["models"] == {"none": "Sequential", "BatchNorm": "Sequential"}
    assert shown["watched"]["settings"] == {"rate": "nan"}
    assert [layer["norm"] for layer in shown["networks"][1]["layers"]] == ["batch", "none"]
    wanted = [
        {"table": "layer_records", "network_id": network["id"], "layer_id": layer["id"],
         "statistics": ["p50", "update_ratio"]}
        for network in shown["networks"] for layer in network["layers"]
    ]  # fmt: skip
    answer = web.post(f"/api/runs/{run.id}/series", json={"series": wanted, "points": 100})
    assert answer.status_code == 200, answer.text
    header, columns = read_frame(answer.content)
    assert header["series"] and all(list(one["step"]) == [1, 2, 3, 4, 5] for one in columns)


@pytest.mark.parametrize(
    ("diagnosis", "rules", "silenced"),
    [
        (None, ["small_batch"], []),
        ({"silenced": ["small_batch"]}, [], ["small_batch"]),
        ({"thresholds": ["small_batch=2"]}, [], []),
    ],
)
def test_a_program_silences_rules_and_sets_their_thresholds(
    diagnosis: Any,
    rules: list[str],
    silenced: list[str],
    engine: Engine,
    web: httpx.Client,
    receiver: tuple[str, list[dict[str, Any]]],
) -> None:
    url, posted = receiver
    model = mlp()
    optimizer = sgd(model)
    with watch(model, optimizer, database=str(engine.url), webhook=url,
               settings={"batch_size": 4}, diagnosis=diagnosis, quiet=True) as run:  # fmt: skip
        run.log(train(model, optimizer))
    found = web.get(f"/api/runs/{run.id}/findings").json()
    assert [one["rule"] for one in found["findings"]] == rules
    assert [one["name"] for one in found["silenced"]] == silenced
    *of_findings, end = posted
    assert [one["findings"] for one in of_findings] == [found["findings"] for _ in rules]
    assert (end["event"], end["run"]["id"], end["address"]) == ("finished", run.id, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"names": ("a", "a")}, "two different names of at most 80"),
        ({"names": ("a", "b" * 81)}, "two different names of at most 80"),
        ({"names": (1, 2)}, "two different names of at most 80"),
        ({"names": ("a", "b", "a")}, "two different names of at most 80"),
        ({"optimizers": sgd(nn.Linear(2, 2))}, "the optimizers of each of its two models, got SGD"),
    ],
)
def test_what_is_no_pair_is_told(wrong: dict[str, Any], words: str, stored: Any) -> None:
    models = nn.Linear(6, 3), nn.Linear(6, 3)
    arguments: dict[str, Any] = {"optimizers": [sgd(model) for model in models]} | wrong
    with pytest.raises(SetupProblem, match=words):
        Pair(*models, database=stored.url, quiet=True, **arguments)
