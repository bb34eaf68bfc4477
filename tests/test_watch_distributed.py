"""watch() under torchrun: one writer, nobody harmed, nobody waiting for anybody."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
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
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 4))
"""
DDP = """
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
    print("norms", *norms, flush=True)
dist.destroy_process_group()
"""
FSDP = """
from torch.distributed.fsdp import fully_shard
from torch.distributed.device_mesh import init_device_mesh

mesh = init_device_mesh("cpu", (2,))
for layer in (model[0], model[3]):
    fully_shard(layer, mesh=mesh)
fully_shard(model, mesh=mesh)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
norms = []
with watch(model, optimizer, database=sys.argv[1]) as run:
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
    print("norms", *norms, flush=True)
dist.destroy_process_group()
"""


def torchrun(tmp_path: Path, program: str, url: str) -> list[float]:
    """Run it in two processes; what it printed as norms."""
    file = tmp_path / "program.py"
    file.write_text(COMMON + program)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
               "--standalone", str(file), url]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("norms")]
    assert done.stderr.count("attached to") == 1
    return [float(word) for word in line.split()[1:]]


def test_the_first_process_of_ddp_writes_and_the_others_are_silent(
    tmp_path: Path, stored: Any
) -> None:
    norms = torchrun(tmp_path, DDP, stored.url)
    run = stored.run()
    assert (run["name"], run["status"], run["step"]) == ("rank 0", "finished", 4)
    assert len(stored.rows("SELECT id FROM runs")) == 1
    (skipped,) = run["watched"]["skipped"]
    assert skipped["name"] == "DistributedDataParallel" and "mean of all" in skipped["reason"]
    kept = stored.rows("SELECT grad_norm FROM network_records ORDER BY step")
    assert [row["grad_norm"] for row in kept] == pytest.approx(norms, rel=1e-5)
    assert all(record["mean"] is not None for record in stored.records("0"))


def test_fsdp_says_that_norms_are_of_shards(tmp_path: Path, stored: Any) -> None:
    norms = torchrun(tmp_path, FSDP, stored.url)
    records = stored.records("0")
    assert [r["weight_grad_norm"] for r in records] == pytest.approx(norms, rel=1e-5)
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
