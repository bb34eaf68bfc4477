"""The first number of a network that was not finite is found, and named in the order of a step."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from shiftscope.db.errors import NotFound
from shiftscope.db.nonfinite import first_offenders

ARMS = ("none", "BatchNorm")
LAYERS = ("hidden1", "hidden2")
FINE = {"nonfinite": 0, "weight_norm": 1.0, "activation_grad_norm": 2.0, "weight_grad_norm": 3.0,
        "update_ratio": 0.01}  # fmt: skip


Odd = dict[tuple[str, str | None], dict[str, float]]
"""By arm and layer, None being the network itself, what is not fine."""


def record(run: Any, step: int, odd: Odd | None = None, arms: Sequence[str] = ARMS) -> None:
    """One step of all networks and layers."""
    odd = odd or {}
    for arm, (network_id, layer_ids) in zip(arms, run.networks, strict=True):
        for layer, layer_id in zip(LAYERS, layer_ids, strict=True):
            values = FINE | odd.get((arm, layer), {})
            columns = {name: [value] for name, value in values.items()}
            keys = {"network_id": network_id, "layer_id": layer_id}
            run.writer.add("layer_records", keys, {"step": [step], **columns})
        loss = {"loss": 0.5} | odd.get((arm, None), {})
        run.writer.add(
            "network_records", {"network_id": network_id}, {"step": [step], "loss": [loss["loss"]]}
        )
    run.writer.commit(step)


def found(engine: Engine, run: Any, after: int = 0) -> list[tuple[str, str | None, str, int]]:
    return [(one.network.arm, one.layer, one.statistic, one.step)
            for one in first_offenders(engine, run.run_id, after)]  # fmt: skip


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_each_network_has_one_first_offender(any_engine: Engine, make_run: Any, odd: float) -> None:
    run = make_run(any_engine)
    record(run, 1)
    assert found(any_engine, run) == []
    record(run, 2, {("BatchNorm", "hidden2"): {"weight_grad_norm": odd}})
    record(run, 3, {("none", None): {"loss": odd}})
    record(run, 4, {("none", "hidden1"): {"nonfinite": 7}})
    first = ("none", None, "loss", 3)
    assert found(any_engine, run) == [first, ("BatchNorm", "hidden2", "weight_grad_norm", 2)]
    assert found(any_engine, run, after=2) == [first]
    assert found(any_engine, run, after=4) == []


def test_of_one_step_it_is_what_is_computed_first(engine: Engine, make_run: Any) -> None:
    nan = math.nan
    gradients = {"activation_grad_norm": nan, "weight_grad_norm": nan, "update_ratio": nan}

    def first(**odd: dict[str, float]) -> tuple[str | None, str]:
        run = make_run(engine, arms=["none"])
        record(run, 1, {("none", name if name in LAYERS else None): values
                        for name, values in odd.items()}, ["none"])  # fmt: skip
        ((_, layer, statistic, _),) = found(engine, run)
        return layer, statistic

    loss = {"loss": nan}
    assert first(hidden1=gradients, hidden2=gradients) == ("hidden2", "activation_grad_norm")
    weights = first(hidden1=gradients, hidden2={"weight_grad_norm": nan})
    assert weights == ("hidden2", "weight_grad_norm")
    assert first(hidden1=gradients, network=loss) == (None, "loss")
    assert first(hidden2={"nonfinite": 3}, network=loss) == ("hidden2", "nonfinite")
    before = first(hidden1={"nonfinite": 1}, hidden2={"weight_norm": nan})
    assert before == ("hidden2", "weight_norm")
    after = first(hidden1={"update_ratio": nan}, hidden2={"update_ratio": nan})
    assert after == ("hidden1", "update_ratio")


def test_weights_that_begin_at_0_have_no_update_ratio_and_do_not_offend(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine, arms=["none"])
    zero = {"weight_norm": 0.0, "update_ratio": math.inf}
    record(run, 1, {("none", "hidden2"): zero}, ["none"])
    assert found(any_engine, run) == []
    record(run, 2, {("none", "hidden2"): {"update_ratio": math.inf}}, ["none"])
    assert found(any_engine, run) == [("none", "hidden2", "update_ratio", 2)]


def test_it_is_told_over_http(
    web: httpx.Client, engine: Engine, make_run: Callable[..., Any]
) -> None:
    run = make_run(engine)
    record(run, 1, {("none", "hidden2"): {"update_ratio": math.inf}})
    assert web.get(f"/api/runs/{run.run_id}/nonfinite").json() == {
        "run": run.run_id,
        "step": 1,
        "offenders": [
            {"network_id": run.networks[0][0], "layer": "hidden2", "statistic": "update_ratio",
             "step": 1}
        ],
    }  # fmt: skip
    assert web.get(f"/api/runs/{run.run_id}/nonfinite?after=-1").status_code == 422
    with pytest.raises(NotFound):
        first_offenders(engine, 99)
