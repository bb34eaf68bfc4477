"""A study of the catalog measured at once, without a database, as tests of its claims want it."""

from functools import partial
from pathlib import Path

from shiftscope.db import catalog
from shiftscope.db.claims import Evidence
from shiftscope.db.study import Study
from shiftscope.trainer import datasets, studies


def measured(entry_name: str, data: Path = Path("absent"), **settings: object) -> Evidence:
    """What a study of the catalog finds with other settings, such as `length` or `seeds`."""
    asked = catalog.entry(entry_name).experiment
    assert isinstance(asked, Study)
    asked = Study.model_validate(asked.model_dump() | settings)
    load = partial(datasets.load, data=data, progress=lambda _: None)
    found = [
        measurement
        for seed in asked.seeds
        for measurement in studies.study(asked.study)(asked, seed, load)
    ]
    return Evidence((), (), step=len(found), ended=True, measurements=found)
