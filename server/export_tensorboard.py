"""A run as TensorBoard event files: a folder for each network, every record as a float32."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from ..db import read
from ..db.errors import SetupProblem
from ..db.series import Selection, series
from ..db.tables import OF_LAYERS, OF_SEEDS, RECORD_TABLES, Network, Run
from .event_files import EXTRA, EventFile
from .export_tables import ExportTable, export_table, measurement_table
from .extras import require

PLAIN = ("layer_records", "network_records", "evaluations")
"""Tables whose statistics go by their own names; those of others begin with the table's."""
LAST_STEP = 2**63 - 1
Row = tuple[Any, ...]


def write_event_files(engine: Engine, run_id: int, folder: Path) -> None:
    """Write every record of a run, but for single units, into a new folder.

    Of a study or an import it is the measurements: a folder for each series.

    Raises:
        NotFound: There is no such run.
        MissingExtra: tensorboard is not installed.
        SetupProblem: The folder has files already or can't be written, the run has no records, or
            a measurement is at an x that is no step.
    """
    run = read.run(engine, run_id)
    require(EXTRA)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if next(folder.iterdir(), None) is not None:
            raise SetupProblem(f"{folder} is not empty: name a new folder with --output.")
        if run.source in ("study", "import"):
            _write_measurements(engine, run, folder)
        else:
            _write_records(engine, run, folder)
        if next(folder.iterdir(), None) is None:
            folder.rmdir()
            raise SetupProblem(f"Run {run.id} has no records, so there are no event files of it.")
    except OSError as error:
        raise SetupProblem(f"{folder} can't be written: {error.strerror}.") from None


def _write_records(engine: Engine, run: Run, folder: Path) -> None:
    networks = {network.id: network for network in read.networks(engine, run.id)}
    several = len({network.seed for network in networks.values()}) > 1
    names = _Names()
    for name in RECORD_TABLES:
        table = export_table(engine, run.id, name)
        owner = table.columns.index("seed" if name in OF_SEEDS else "network_id")
        for key, rows in groupby(table.rows, key=lambda row: row[owner]):
            of_seed = name in OF_SEEDS
            title = "ensemble" if of_seed else networks[key].arm
            seed = key if of_seed else networks[key].seed
            whose = names.of((of_seed, key), f"{title}-seed{seed}" if several else title)
            clock = _clock(engine, run, None if of_seed else networks[key])
            with _opened(folder / whose, name, run) as file:
                events = EventFile(file, clock(0))
                for step, scalars in _scalars(table, rows):
                    events.add(step, clock(step), scalars)


def _scalars(table: ExportTable, rows: Iterable[Row]) -> Iterator[tuple[int, dict[str, float]]]:
    """The step and by tag the statistics of each row that apply."""
    step = table.first_number
    layer = table.columns.index("layer") if table.name in OF_LAYERS else None
    prefix = "" if table.name in PLAIN else f"{table.name}/"
    for row in rows:
        path = prefix if layer is None else f"{prefix}{row[layer]}/"
        named = zip(table.columns[step + 1 :], row[step + 1 :], strict=True)
        yield row[step], {f"{path}{name}": float(v) for name, v in named if v is not None}


def _write_measurements(engine: Engine, run: Run, folder: Path) -> None:
    for row in measurement_table(engine, run.id).rows:
        _, _, quantity, _, x, _ = row
        if not (float(x).is_integer() and 0 <= x <= LAST_STEP):
            raise SetupProblem(
                f"Run {run.id} has {quantity} at {x:g}, and event files have whole steps only. "
                "Use --format csv."
            )
    found = list(measurement_table(engine, run.id).rows)
    several = len({seed for _, seed, *_ in found}) > 1
    found.sort(key=lambda row: (row[3], row[1]))  # stable: in the order in which they were found
    names, clock = _Names(), _clock(engine, run, None)
    for (series_name, seed), rows in groupby(found, key=lambda row: (row[3], row[1])):
        title = f"{series_name}-seed{seed}" if several else series_name
        with _opened(folder / names.of((series_name, seed), title), "measurements", run) as file:
            events = EventFile(file, clock(0))
            for _, _, quantity, _, x, value in rows:
                events.add(int(x), clock(0), {quantity: value})


def _opened(folder: Path, table: str, run: Run) -> Any:
    """A file by whose name TensorBoard finds it."""
    folder.mkdir(exist_ok=True)
    made = int((run.started_at or run.created_at).timestamp())
    return (folder / f"events.out.tfevents.{made}.shiftscope.{table}").open("xb")


def _clock(engine: Engine, run: Run, network: Network | None) -> Callable[[int], float]:
    """When a step ended, in seconds since 1970, as far as it is known: else when training began."""
    began = (run.started_at or run.created_at).timestamp()
    if network is None:
        return lambda step: began
    selection = Selection("network_records", network.id, None, ("seconds",))
    found = series(engine, selection, 0, run.step, 1)
    seconds = found.low.get("seconds", np.zeros(len(found.step)))

    def at(step: int) -> float:
        place = int(np.searchsorted(found.step, step, side="right")) - 1
        passed = seconds[place] if place >= 0 else 0.0
        return began + float(passed if np.isfinite(passed) else 0.0)

    return at


class _Names:
    """Names of folders: plain, and no two alike."""

    def __init__(self) -> None:
        self._given: dict[Any, str] = {}

    def of(self, key: Any, title: str) -> str:
        """The name for a key, always the same."""
        if key not in self._given:
            plain = re.sub(r"[^\w.+=-]+", "_", title).strip(".") or "_"
            taken = {name.lower() for name in self._given.values()}
            name, count = plain, 1
            while name.lower() in taken:
                count += 1
                name = f"{plain}-{count}"
            self._given[key] = name
        return self._given[key]
