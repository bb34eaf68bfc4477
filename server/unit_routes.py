"""Single units on the probe."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from ..db.errors import NotFound
from ..db.units import ARRAYS, LayerUnits, typical_unit, unit_matrices, units_of
from .dependencies import EngineDep, RunId
from .record_schemas import NetworkUnitsPublic, UnitsPublic
from .schemas import Step
from .wire import encode_units

router = APIRouter(prefix="/api/runs", tags=["units"])
LayerName = Annotated[str, Query(max_length=255, examples=["hidden1"])]


@router.get("/{run_id}/units")
def get_units(
    engine: EngineDep,
    run_id: RunId,
    layer: LayerName,
    seed: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    unit: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    step: Annotated[Step | None, Query()] = None,
) -> UnitsPublic:
    """One unit over all looks at the probe, or with `step` all units at the last look until then.

    Without either, the unit is the typical one of the reference arm.
    """
    found = units_of(engine, run_id, layer, seed)
    reference = found[0]
    p50 = reference.arrays["p50"]
    typical = None if p50 is None else typical_unit(p50)
    units = reference.layer.units
    if unit is not None and unit >= units:
        raise NotFound(f"{layer} has no unit {unit}: there are {units}, counted from 0.")
    chosen = None if step is not None else typical if unit is None else unit
    return UnitsPublic(
        run=run_id,
        layer=layer,
        seed=reference.network.seed,
        units=units,
        typical=typical,
        unit=chosen,
        networks=[_public(of_layer, chosen, step) for of_layer in found],
    )


@router.get(
    "/{run_id}/units/matrix",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "A frame of units"},
    },
)
def get_unit_matrix(
    engine: EngineDep,
    run_id: RunId,
    layer: LayerName,
    array: Annotated[
        str, Query(max_length=80, examples=["mean"], json_schema_extra={"enum": [*ARRAYS]})
    ],
    seed: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    first: Annotated[Step, Query()] = 0,
    last: Annotated[Step | None, Query()] = None,
    columns: Annotated[int, Query(ge=1, le=1000)] = 250,
) -> Response:
    """All units of a layer over the looks at the probe, at most `columns` of them, in all arms."""
    found = unit_matrices(
        engine, run_id, layer, array, seed, first=first, last=last, columns=columns
    )
    frame = encode_units(run_id, layer, array, found)
    return Response(frame, media_type="application/octet-stream")


def _public(found: LayerUnits, unit: int | None, step: int | None) -> NetworkUnitsPublic:
    """A unit's course, or where it is None all units at one look."""
    looks = [at for at, looked in enumerate(found.steps) if step is None or looked <= step]
    if unit is None:
        looks = looks[-1:]

    def values(name: str) -> list[float] | None:
        array = found.arrays[name]
        if array is None or not looks:
            return None
        if unit is None:
            return array[looks[0]].tolist()
        return array[looks, unit].tolist() if unit < array.shape[1] else None

    return NetworkUnitsPublic(
        network_id=found.network.id,
        layer_id=found.layer.id,
        arm=found.network.arm,
        step=[found.steps[at] for at in looks],
        mean=values("mean"),
        std=values("std"),
        p15=values("p15"),
        p50=values("p50"),
        p85=values("p85"),
        running_mean=values("running_mean"),
        running_var=values("running_var"),
    )
