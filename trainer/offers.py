"""What a worker can offer: told to the database by a short process of its own.

Run as a program with the data folder it prints the same as JSON, for `shiftscope check`.
"""

import json
import sys
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


if __name__ == "__main__":
    offers = {"devices": devices.present(), "datasets": datasets.offers(Path(sys.argv[1]))}
    sys.stdout.write(json.dumps(offers) + "\n")
