"""Where numbers were first not finite."""

from typing import Annotated

from fastapi import APIRouter, Query

from ..db import nonfinite, read
from .dependencies import EngineDep, RunId
from .record_schemas import OffenderPublic, OffendersPublic
from .schemas import Step

router = APIRouter(prefix="/api/runs", tags=["series"])


@router.get("/{run_id}/nonfinite")
def get_offenders(
    engine: EngineDep, run_id: RunId, after: Annotated[Step, Query()] = 0
) -> OffendersPublic:
    """The first number of each network that was not finite."""
    step = read.run(engine, run_id).step
    offenders = [
        OffenderPublic(
            network_id=one.network.id, layer=one.layer, statistic=one.statistic, step=one.step
        )
        for one in nonfinite.first_offenders(engine, run_id, after)
    ]
    return OffendersPublic(run=run_id, step=step, offenders=offenders)
