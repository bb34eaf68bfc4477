"""Settings: one table of name, default and help, from which flags, environment and docs come."""

import os
from ipaddress import ip_network
from typing import Any

from pydantic import Field, ValidationError, field_validator

from ..db.errors import SetupProblem
from ..db.location import PREFIX, Location


class Settings(Location):
    """All settings; those of the server beside where things are."""

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; 127.0.0.1 is reached from this machine only.",
    )
    port: int = Field(
        default=8420, ge=0, le=65_535, description="Port to listen on; 0 takes any that is free."
    )
    starts: int = Field(
        default=60,
        ge=1,
        description="Starts of runs and sweeps in a minute that the server takes from one address; "
        "ten times as many from its own machine.",
    )
    queued: int = Field(default=2_000, ge=1, description="Runs that may be queued at a time.")
    parameters: int = Field(
        default=1_000_000_000,
        ge=1,
        description="Parameters that all networks of a run may have together.",
    )
    token: str = Field(
        default="",
        repr=False,
        pattern=r"^([A-Za-z0-9_.~-]{20,})?$",
        description="Token that the server asks for beside those that it made: at least 20 "
        "letters, digits and -._~; by default none.",
    )
    frames: str = Field(
        default="",
        pattern=r"^[^\x00-\x20\x7f;,]*( [^\x00-\x20\x7f;,]+)*$",
        description="Origins of pages that may show the server's in a frame, with spaces between; "
        "by default none.",
    )
    proxies: str = Field(
        default="",
        description="Addresses or networks of proxies, with commas between, that are believed who "
        "asked them (X-Forwarded-For); by default none.",
    )

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, proxies: str) -> str:
        for address in proxies.split(",") if proxies else ():
            try:
                ip_network(address.strip())
            except ValueError as error:
                raise ValueError(f"expected such as 10.0.0.5,10.1.0.0/16; {error}") from None
        return proxies


ONLY_IN_ENVIRONMENT = {
    *("token", "frames", "proxies"),
    *("starts", "queued", "parameters", "memory", "checkpoint_seconds"),
}
"""Settings without a flag. All on the machine can read a process's flags: none is for a token."""


def load_settings(**flags: Any) -> Settings:
    """The settings: flags that were given, else the environment, else the defaults.

    Raises:
        SetupProblem: A value is not allowed.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        detail = error.errors()[0]
        name = str(detail["loc"][0])
        where, got = f"--{name} (or {PREFIX}{name.upper()})", f", got {detail['input']!r}"
        if name in ONLY_IN_ENVIRONMENT:
            where = f"{PREFIX}{name.upper()}"
        message = detail["msg"].removeprefix("Value error, ")
        raise SetupProblem(f"{where}: {message}{'' if name == 'token' else got}.") from None


def make_folder(settings: Settings) -> None:
    """Make the data folder. It may be read-only when the database is elsewhere.

    Raises:
        SetupProblem: It can't be made, or not written to where it must.
    """
    folder = settings.data_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupProblem(
            f"The data folder {folder} can't be made: {error.strerror}. Name another with --data."
        ) from None
    if not settings.database and not os.access(folder, os.W_OK):
        raise SetupProblem(f"The data folder {folder} is read-only. Name another with --data.")


def describe(name: str) -> str:
    """The one-line help of a setting."""
    return str(Settings.model_fields[name].description)
