"""What commands share: a run's number, and flags whose help is the table of settings'."""

from pathlib import Path
from typing import Annotated

import typer

from .settings import PREFIX, describe


def _flag(name: str) -> typer.models.OptionInfo:
    return typer.Option(
        f"--{name}",
        help=f"{describe(name)} Also {PREFIX}{name.upper()} in the environment.",
        show_default=False,
    )


RunNumber = Annotated[
    int,
    typer.Argument(
        metavar="RUN",
        min=1,
        max=2**31 - 1,
        help="The run's number, as `shiftscope runs` lists it.",
    ),
]
DataFlag = Annotated[Path | None, _flag("data")]
DatabaseFlag = Annotated[str | None, _flag("database")]
HostFlag = Annotated[str | None, _flag("host")]
WebhookFlag = Annotated[str | None, _flag("webhook")]
PortFlag = Annotated[int | None, _flag("port")]
