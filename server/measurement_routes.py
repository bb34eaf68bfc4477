"""What a study found: as JSON for the page, and as a CSV file."""

import math
import re
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from ..db import quantities, read
from .dependencies import EngineDep, RunId
from .downloads import CSV, CSV_TYPE, download
from .export import csv_chunks, file_name
from .export_tables import MEASUREMENTS, measurement_table
from .record_schemas import (
    MeasuredBucketsPublic,
    MeasuredPublic,
    MeasurementPublic,
    MeasurementsPublic,
)
from .schemas import Step

router = APIRouter(prefix="/api/runs", tags=["measurements"])


@router.get("/{run_id}/measurements")
def get_measurements(
    engine: EngineDep,
    run_id: RunId,
    after: Annotated[Step, Query(description="Leave out so many, the first.")] = 0,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
) -> MeasurementsPublic:
    """What a study found after the first `after`; nothing of a run that is none."""
    run = read.run(engine, run_id)
    found = read.measurements(engine, run, after=after, limit=limit)
    return MeasurementsPublic(
        run=run.id,
        step=run.step,
        after=after,
        measurements=[MeasurementPublic.model_validate(one) for one in found],
    )


@router.get("/{run_id}/measured")
def get_measured(
    engine: EngineDep,
    run_id: RunId,
    quantity: Annotated[str, Query(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")],
    first: Annotated[float | None, Query(allow_inf_nan=False, description="Least x.")] = None,
    last: Annotated[float | None, Query(allow_inf_nan=False, description="Largest x.")] = None,
    points: Annotated[int, Query(ge=4, le=10_000)] = 1_000,
) -> MeasuredPublic:
    """One quantity as a chart needs it, in buckets where a series has more than `points`."""
    run = read.run(engine, run_id)
    found = quantities.measured(
        engine,
        run,
        quantity,
        first=-math.inf if first is None else first,
        last=math.inf if last is None else last,
        points=points,
    )
    told = None
    if found.measurements is not None:
        told = [MeasurementPublic.model_validate(one) for one in found.measurements]
    return MeasuredPublic(
        run=run.id,
        quantity=quantity,
        count=found.count,
        beside=found.beside,
        width=found.width,
        measurements=told,
        buckets=[MeasuredBucketsPublic.model_validate(_as_lists(one)) for one in found.buckets],
    )


def _as_lists(buckets: quantities.MeasuredBuckets) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(buckets).items()
    }


@router.get(
    "/{run_id}/measurements.csv",
    response_class=StreamingResponse,
    responses=CSV,
)
def export_measurements(
    engine: EngineDep,
    run_id: RunId,
    quantity: Annotated[str | None, Query(max_length=80, description="Of this one only.")] = None,
) -> Response:
    """Everything that a study found, or what it found of one quantity."""
    is_plain = quantity is not None and re.fullmatch(r"[\w.-]+", quantity, re.ASCII)
    name = quantity if quantity and is_plain else MEASUREMENTS
    chunks = csv_chunks(measurement_table(engine, run_id, quantity))
    return download(chunks, CSV_TYPE, file_name(run_id, name))
