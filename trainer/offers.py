"""What a worker can offer: told to the database by a short process of its own."""

from pathlib import Path

from ..db import queue
from ..db.engine import open_database
from . import datasets, devices


def tell(database: str, data: Path, worker_id: int) -> None:
    """Store the devices and datasets of this machine in the worker's row."""
    engine = open_database(database)
    queue.heartbeat(engine, worker_id, {"devices": devices.present()})
    queue.heartbeat(engine, worker_id, {"datasets": datasets.offers(data)})
    engine.dispose()
