"""Settings: one table of name, default and help, from which flags, environment and docs come."""

import os
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from ..db.errors import SetupProblem

PREFIX = "SHIFTSCOPE_"


class Settings(BaseSettings):
    """Where things are. Each setting is also an environment variable, SHIFTSCOPE_ and its name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data: Path = Field(
        default=Path(platformdirs.user_data_path("shiftscope")),
        description="Folder of the datasets and of the SQLite file.",
    )
    database: str = Field(
        default="",
        description="Database as an SQLAlchemy URL: sqlite:///FILE or "
        "postgresql://USER:PASSWORD@HOST/NAME; by default shiftscope.db in the data folder.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; 127.0.0.1 is reached from this machine only.",
    )
    port: int = Field(
        default=8420, ge=0, le=65_535, description="Port to listen on; 0 takes any that is free."
    )

    @property
    def database_url(self) -> str:
        """The database's URL, with the default filled in."""
        if self.database:
            return self.database
        file = self.data_folder / "shiftscope.db"
        return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)

    @property
    def data_folder(self) -> Path:
        """The data folder as an absolute path."""
        return self.data.expanduser().absolute()


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
        raise SetupProblem(
            f"--{name} (or {PREFIX}{name.upper()}): {detail['msg']}, got {detail['input']!r}."
        ) from None


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
