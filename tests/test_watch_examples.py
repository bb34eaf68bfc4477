"""The examples of docs/watch.md run as they stand there, and record what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from queries import rows
from sqlalchemy import Engine

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "watch.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = [block for block in BLOCKS if block.startswith("import torch\n")]


def run(engine: Engine, number: int) -> None:
    """Run an example and look for what every run has: all steps, and a loss that falls, if only in
    the arm with BatchNorm."""
    alone = {"SHIFTSCOPE_DATABASE": str(engine.url), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        env=os.environ | alone, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "Not recorded" not in done.stderr, done.stderr
    [(status, steps)] = rows(engine, "SELECT status, step FROM runs")
    assert status == "finished"
    losses = rows(engine, "SELECT network_id, loss FROM network_records ORDER BY step")
    last = [loss for network, loss in losses if network == max(losses)[0]]
    assert len(losses) % steps == 0 and len(last) == steps
    assert last[-1] < 0.7 * last[0]


def layers(engine: Engine, arm: str) -> list[tuple[str, str, str]]:
    """Name, norm and nonlinearity of the layers whose activations are recorded at every step."""
    return rows(
        engine,
        f"""SELECT layers.name, norm, activation FROM layer_records
        JOIN layers ON layers.id = layer_id JOIN networks ON networks.id = layers.network_id
        WHERE arm = '{arm}' GROUP BY layers.id HAVING count(p50) = (SELECT step FROM runs)
        ORDER BY layers.position""",
    )


def test_there_are_three_short_ones() -> None:
    assert len(EXAMPLES) == 3
    assert all(len(example.splitlines()) <= 40 for example in EXAMPLES)


def test_the_mlp(engine: Engine) -> None:
    run(engine, 0)
    sigmoid = [(name, "batch", "sigmoid") for name in "03"]
    assert layers(engine, "model") == [*sigmoid, ("6", "none", "none")]
    [(steps, accuracy)] = rows(
        engine, "SELECT count(*), max(test_accuracy) FROM evaluations WHERE step > 0"
    )
    assert steps == 4 and accuracy > 0.8


def test_the_resnet_pair(engine: Engine) -> None:
    run(engine, 1)
    plain, normalized = layers(engine, "none"), layers(engine, "BatchNorm")
    assert [name for name, _, _ in plain] == [name for name, _, _ in normalized]
    assert {norm for _, norm, _ in plain} == {"none"}
    assert [norm for _, norm, _ in normalized] == ["batch"] * 5 + ["none"]
    drift = """SELECT count(mean_drift) FROM layer_records JOIN layers ON layers.id = layer_id
        JOIN networks ON networks.id = layers.network_id WHERE arm = 'BatchNorm' AND norm = 'batch'
        AND step > 1"""
    assert rows(engine, drift) == [(5 * 59,)]


def test_the_transformer(engine: Engine) -> None:
    run(engine, 2)
    found = layers(engine, "model")
    assert ("encoder.layers.1.norm2", "layer", "none") in found
    assert ("encoder.layers.0.linear1", "none", "relu") in found
    # clipped, and recorded after that
    [(largest,)] = rows(engine, "SELECT max(grad_norm) FROM network_records")
    assert largest == pytest.approx(0.25, rel=1e-4)
