"""The catalog, and experiments before they are runs: their schema, their validity, their cost."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from ..db import catalog
from ..db.estimate import estimate
from ..db.experiment import Experiment
from ..db.parsing import parse
from .dependencies import EngineDep
from .schemas import CatalogEntryPublic, CatalogPublic, RunCreate, ValidatedPublic

router = APIRouter(prefix="/api", tags=["experiments"])


@router.get("/catalog")
def get_catalog() -> CatalogPublic:
    """The experiments that come with the product."""
    return CatalogPublic(
        entries=[
            CatalogEntryPublic.model_validate(
                vars(entry) | {"experiment": entry.experiment.model_dump(mode="json")}
            )
            for entry in catalog.entries()
        ]
    )


@router.get("/experiments/schema")
def get_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment, the source of the form."""
    return Experiment.model_json_schema()


@router.post("/experiments/validate")
def validate_experiment(engine: EngineDep, body: RunCreate) -> ValidatedPublic:
    """Check an experiment without starting it, and estimate its cost."""
    experiment = parse(body.experiment)
    return ValidatedPublic.model_validate(
        {
            "experiment": experiment.model_dump(mode="json"),
            "estimate": asdict(estimate(engine, experiment)),
        }
    )
