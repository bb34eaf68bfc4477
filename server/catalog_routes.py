"""The catalog, and what is asked before it is a run: its schema, its validity, its cost."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from ..db import catalog
from ..db.estimate import estimate, estimate_study
from ..db.experiment import Experiment
from ..db.study import Study
from .catalog_schemas import CatalogEntryPublic, CatalogPublic, ValidatedPublic
from .dependencies import EngineDep, LimitsDep
from .run_routes import asked_of
from .run_schemas import RunCreate

router = APIRouter(prefix="/api", tags=["experiments"])


@router.get("/catalog")
def get_catalog() -> CatalogPublic:
    """The experiments and studies that come with the product."""
    return CatalogPublic(
        entries=[
            CatalogEntryPublic.model_validate(vars(entry) | _documents(entry.experiment))
            for entry in catalog.entries()
        ]
    )


@router.get("/experiments/schema")
def get_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment, the source of the form."""
    return Experiment.model_json_schema()


@router.get("/studies/schema")
def get_study_schema() -> dict[str, Any]:
    """The JSON Schema of a study."""
    return Study.model_json_schema()


@router.post("/experiments/validate")
def validate_experiment(engine: EngineDep, limits: LimitsDep, body: RunCreate) -> ValidatedPublic:
    """Check an experiment or a study without starting it, and estimate its cost."""
    asked = asked_of(body)
    limits.check(asked)
    cost = estimate_study(engine, asked) if isinstance(asked, Study) else estimate(engine, asked)
    return ValidatedPublic.model_validate(_documents(asked) | {"estimate": asdict(cost)})


def _documents(asked: Experiment | Study) -> dict[str, Any]:
    """Its document under its kind's name, and null under the other."""
    kind = "study" if isinstance(asked, Study) else "experiment"
    return {"experiment": None, "study": None, kind: asked.model_dump(mode="json")}
