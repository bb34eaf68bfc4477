"""watch() under torchrun: one writer, nobody harmed, nobody waiting for anybody."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Stored
from torch import nn

from shiftscope.trainer import watch
from shiftscope.trainer.describing import sentences_on

COMMON = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
from shiftscope.trainer import watch

torch.set_num_threads(1)
dist.init_process_group("gloo")
rank = dist.get_rank()

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 4))
"""
DDP = """
model = network()
wrapped = nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
norms = []
with watch(wrapped, optimizer, database=sys.argv[1], name=f"rank {rank}") as run:
    torch.manual_seed(rank)
    for _ in range(4):
        loss = wrapped(torch.randn(5, 6)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.stack([p.grad.norm() for p in model.parameters()]).norm().item())
        optimizer.step()
        run.log(loss=loss, accuracy=0.5)
    run.log_evaluation(loss=loss)
assert run.not_recorded == [], run.not_recorded
if rank == 1:
    assert run.id is None and run.attached == {}
    assert not any(m._forward_hooks for m in model.modules())
    print("DDP", *norms, flush=True)
"""
FSDP = """
from torch.distributed.fsdp import fully_shard
from torch.distributed.device_mesh import init_device_mesh

model = network()
mesh = init_device_mesh("cpu", (2,))
for layer in (model[0], model[3]):
    fully_shard(layer, mesh=mesh)
fully_shard(model, mesh=mesh)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
norms = []
with watch(model, optimizer, database=sys.argv[2]) as run:
    torch.manual_seed(rank)
    for _ in range(3):
        loss = model(torch.randn(5, 6)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(model[0].weight.grad.to_local().norm().item())
        optimizer.step()
        run.log(loss=loss)
assert run.not_recorded == [], run.not_recorded
if rank == 0:
    assert dict(run.skipped["model"])["FSDP"].endswith("those of its batches."), run.skipped
    print("FSDP", *norms, flush=True)
dist.destroy_process_group()
"""


@dataclass
class Launched:
    """What a part of the program stored and what it printed as norms."""

    stored: Stored
    norms: list[float]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> dict[str, Launched]:
    """Both parts, one after the other, in the same two processes: torchrun loads torch thrice."""
    folder = tmp_path_factory.mktemp("torchrun")
    files = {part: folder / f"{part}.db" for part in ("DDP", "FSDP")}
    stored = {part: Stored(f"sqlite:///{shutil.copy(empty_database, files[part])}")
              for part in files}  # fmt: skip
    program = folder / "program.py"
    program.write_text(COMMON + DDP + FSDP)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
               "--standalone", str(program), *(one.url for one in stored.values())]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("attached to") == 2
    said = [line.split() for line in done.stdout.splitlines()]
    return {
        part: Launched(stored[part], [float(word) for line in said if line[:1] == [part]
                                      for word in line[1:]])
        for part in stored
    }  # fmt: skip


def test_the_first_process_of_ddp_writes_and_the_others_are_silent(
    launched: dict[str, Launched],
) -> None:
    stored = launched["DDP"].stored
    run = stored.run()
    assert (run["name"], run["status"], run["step"]) == ("rank 0", "finished", 4)
    assert len(stored.rows("SELECT id FROM runs")) == 1
    (skipped,) = run["watched"]["skipped"]
    assert skipped["name"] == "DistributedDataParallel" and "mean of all" in skipped["reason"]
    kept = stored.rows("SELECT grad_norm FROM network_records ORDER BY step")
    assert [row["grad_norm"] for row in kept] == pytest.approx(launched["DDP"].norms, rel=1e-5)
    assert all(record["mean"] is not None for record in stored.records("0"))


def test_fsdp_says_that_norms_are_of_shards(launched: dict[str, Launched]) -> None:
    stored = launched["FSDP"].stored
    records = stored.records("0")
    norms = [record["weight_grad_norm"] for record in records]
    assert len(norms) == 3 and norms == pytest.approx(launched["FSDP"].norms, rel=1e-5)
    assert all(record["mean"] is not None for record in records)
    assert stored.run()["status"] == "finished"


def test_synchronized_batch_norm_is_named(stored: Any) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.SyncBatchNorm(8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(2):  # without a GPU it cannot be called
            optimizer.zero_grad()
            model[3](model[0](torch.randn(4, 6)).relu()).mean().backward()
            optimizer.step()
    assert run.not_recorded == [] and "1" in run.attached["model"]
    assert stored.rows("SELECT norm FROM layers WHERE name = '1'") == [{"norm": "sync batch"}]


def test_data_parallel_is_unwrapped_and_its_copies_are_mentioned(stored: Any) -> None:
    model = nn.Sequential(nn.Linear(6, 3))
    wrapped = nn.DataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(wrapped, optimizer, database=stored.url, quiet=True) as run:
        wrapped(torch.randn(4, 6)).mean().backward()
        optimizer.step()
    assert run.attached == {"model": ["0"]} and run.not_recorded == []
    wrapped.device_ids = [0, 1]
    ((name, reason),) = sentences_on([wrapped, model])
    assert name == "DataParallel" and "copies of the model" in reason
