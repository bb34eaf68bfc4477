"""`shiftscope verdict`: what a run's arms come to, in the terminal."""

from typing import Annotated

import typer

from ..db.engine import open_database
from ..db.judge import Judged, judged
from ..db.verdict_words import criterion
from .flags import DatabaseFlag, DataFlag, RunNumber
from .settings import load_settings


def verdict(
    run: RunNumber,
    target: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1,
            help="Test accuracy to reach, a share such as 0.95; by default 0.9, or the "
            "reference's last accuracy where no network reached that.",
        ),
    ] = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Say in a sentence what a run's arms come to, and what it says of its claims.

    A study has no arms: its claims are all there is to say.
    """
    engine = open_database(load_settings(database=database, data=data).database_url)
    found = judged(engine, run, target)
    engine.dispose()
    typer.echo("\n".join(lines(found)))
    if found.verdict is not None:
        typer.echo(criterion(found.verdict))


def lines(found: Judged) -> list[str]:
    """The sentence of a run, then one line for each claim that its experiment is about.

    A study's sentence is the first of these lines.
    """
    claims = [
        f"{claim.number} {outcome.result}: {outcome.reason}" for claim, outcome in found.outcomes
    ]
    return claims if found.run.source == "study" and claims else [found.sentence, *claims]
