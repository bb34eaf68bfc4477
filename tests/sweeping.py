"""Runs of a sweep that finish without being trained."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from shiftscope.db import queue, write


def finish(engine: Engine, run_id: int, curves: Mapping[tuple[str, int], Sequence[float]]) -> None:
    """Have a queued run finish; `curves` has the accuracies of networks at steps 0, 10, 20 …"""
    assert queue.claim(engine, queue.register(engine), run_id) == run_id
    described = [
        ({"arm": arm, "seed": seed, "parameters": 1, "weights_hash": "ab"}, [])
        for arm, seed in curves
    ]
    networks = write.add_networks(engine, run_id, described)
    writer = write.RecordWriter(engine, run_id)
    for (network_id, _), accuracies in zip(networks, curves.values(), strict=True):
        steps = [10 * at for at in range(len(accuracies))]
        columns = {"step": steps, "test_accuracy": accuracies, "test_loss": [1.0] * len(steps)}
        writer.add("evaluations", {"network_id": network_id}, columns)
    writer.commit(30)
    queue.end(engine, run_id, "finished")
