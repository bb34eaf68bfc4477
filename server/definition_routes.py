"""What each statistic is."""

from fastapi import APIRouter

from .definitions import Definition, definitions

router = APIRouter(prefix="/api", tags=["system"])


@router.get("/statistics")
def get_statistics() -> dict[str, dict[str, Definition]]:
    """Unit and formula of every statistic, by table and name."""
    return definitions()
